"""What operators see of a service with a job and a stream: metrics at each port, logs, and alerts in a Prometheus."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from contracts.metrics.table import JOBS, STAGE_SECONDS, MetricRole, of_role
from contracts.runtime import tracing
from contracts.workers.registration import WORKERS
from tests.service.streams.conftest import SECRET
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client
from tests.support.requirements import missing
from tests.support.scraping import METRICS_ROLES, complaints, exposition, families, values
from tests.support.servers import prometheus
from tests.support.servers.byte_server import Web
from tests.support.servers.webhook_receiver import Receiver
from tests.support.traces.otlp import Seen, collected
from tests.support.traces.recorded_steps import CLIENT, HEADER, TRACE
from tests.support.user_admin import make_admin
from tests.support.waiting import until
from tools.dashboards.__main__ import DASHBOARDS
from tools.dashboards.drawing import answers as drawing
from tools.dashboards.panel import Panel, one
from tools.dashboards.pictures import draw, span_until

# What alerts read that is only there where something fails.
OF_FAILURES = {
    'web_detector_http_request_seconds_count{status="5xx"}',
    'web_detector_tasks_total{outcome="failed"}',
}
# What a job and a stream move, by role.
MOVED: dict[MetricRole, tuple[str, ...]] = {
    "api": (
        "web_detector_upload_bytes_total",
        "web_detector_http_request_seconds_count{operation=api.routes.jobs.create_job,status=2xx}",
        "web_detector_server_up{server=broker}",
        "web_detector_workers{role=live_detector}",
        "web_detector_storage_bytes{content=videos}",
        "web_detector_storage_free_bytes",
        "web_detector_result_store_bytes",
        "web_detector_streams{state=live}",
        "web_detector_live_wanted_fps",
        "web_detector_live_served_fps",
        "web_detector_capacity_fps{role=detector}",
        "web_detector_scale_ratio{role=live_detector}",
    ),
    "processor": (
        "web_detector_jobs_ended_total{state=succeeded}",
        "web_detector_tasks_total{outcome=done,task=processor.process_video}",
        "web_detector_task_seconds_count{task=processor.probe_video}",
        "web_detector_queue_wait_seconds_count{queue=probe}",
    ),
    "renderer": ("web_detector_build_info{role=renderer,version=0.1.0}",),
    "ingest": (
        "web_detector_streams_held",
        "web_detector_stream_fps{stream=STREAM}",
        "web_detector_stream_bytes_per_second{stream=STREAM}",
    ),
    "live_detector": (
        "web_detector_streams_held",
        "web_detector_frames_inferred_total",
        "web_detector_frame_to_box_seconds_count",
        "web_detector_stream_analysed_fps{stream=STREAM}",
    ),
    "detector": (
        "web_detector_frames_inferred_total",
        "web_detector_frames_done_total",
        "web_detector_chunks_total{outcome=done}",
        *(f"web_detector_stage_seconds_total{{stage={stage}}}" for stage in STAGE_SECONDS.values),
        "web_detector_cpu_seconds_total",
        "web_detector_engine_images_count",
        "web_detector_queue_wait_seconds_count{queue=detector}",
    ),
}


@dataclass(frozen=True)
class Busy:
    """A service with a job that has ended and a stream that runs. client: of who has them. ports: of its metrics,
    by role."""

    service: Embedded
    client: Client
    video: str
    job: str
    stream: str
    ports: dict[MetricRole, int]


@pytest.fixture(scope="module")
def busy(reaching: Embedded, camera: Web, sample: Path) -> Iterator[Busy]:
    client = reaching.client()
    url = f"http://viewer:{SECRET}@127.0.0.1:{camera.port}/camera"
    stream = client.call("POST", "/streams", 201, json={"kind": "http", "url": url, "name": "door"})
    headers = {tracing.HEADER: HEADER}
    job = client.call("POST", "/jobs", 202, json={"video_id": client.upload(sample)["id"]}, headers=headers)
    client.wait(job)
    first = int(reaching.env["METRICS_PORT"])
    ports = {role: first + place for place, role in enumerate(METRICS_ROLES)}
    yield Busy(reaching, client, job["video_id"], job["id"], stream["id"], ports)
    client.call("DELETE", f"/streams/{stream['id']}", 204)


def test_every_role_tells_its_metrics(busy: Busy) -> None:
    wanted = [(role, name.replace("STREAM", busy.stream)) for role, names in MOVED.items() for name in names]

    def all_moved() -> bool:
        seen = {role: values(exposition(port)) for role, port in busy.ports.items()}
        return all(seen[role].get(name, 0) > 0 for role, name in wanted)

    until(all_moved)
    for role, port in busy.ports.items():
        text = exposition(port)
        assert families(text) == {metric.name for metric in of_role(role)}
        assert complaints(text) == ""


def test_the_status_tells_what_the_service_does_now(busy: Busy) -> None:
    admin = make_admin(busy.service, busy.service.client())
    until(lambda: admin.call("GET", "/admin/status", 200)["streams"]["served_fps"] > 0)
    found = admin.call("GET", "/admin/status", 200)
    assert not {"ServerDown", "NoWorkers", "StreamsBroken"} & {one["alert"] for one in found["problems"]}
    assert found["servers"] == {"database": True, "result_store": True, "broker": True, "redis": True}
    assert {role: len(there) for role, there in found["workers"].items()} == dict.fromkeys(WORKERS, 1)
    [detector] = found["workers"]["detector"]
    assert detector["models"]
    assert found["streams"]["by_state"]["live"] == 1
    assert found["storage"]["videos_bytes"] > 0
    assert found["jobs"]["by_state"].keys() == set(JOBS.values)


def test_one_trace_follows_a_job_through_the_logs_of_all_roles(busy: Busy) -> None:
    told = [json.loads(line) for line in busy.service.output().splitlines() if line.startswith("{")]
    followed = [line for line in told if line.get("trace") == TRACE]
    assert {line["logger"].split(".")[0] for line in followed} >= {"api", "processor", "detector"}
    assert {line["job"] for line in followed if "job" in line} == {busy.job}
    of_stream = {line["logger"].split(".")[0] for line in told if line.get("stream") == busy.stream}
    assert of_stream >= {"ingest", "detector"}


def test_lines_of_the_renderer_say_what_they_are_about(busy: Busy) -> None:
    """Every video gets a poster."""

    def of_it() -> list[dict[str, str]]:
        told = [json.loads(line) for line in busy.service.output().splitlines() if line.startswith("{")]
        made = [line for line in told if line["logger"].startswith("processor.renditions")]
        return [line for line in made if line.get("video") == busy.video]

    until(of_it)
    assert {"trace", "span", "rendition"} <= of_it()[0].keys()


def test_one_trace_has_the_steps_of_a_job_in_all_roles(busy: Busy, collector: Receiver) -> None:
    def found() -> dict[str, list[Seen]]:
        by_name: dict[str, list[Seen]] = {name: [] for name in ("POST /api/v1/jobs", "job", "plan", "chunk", "merge")}
        for span in collected(collector.calls):
            if span.trace == TRACE and "web_detector.again_s" not in span.facts:  # it was handed back, and comes again
                by_name[span.name].append(span)
        return by_name

    def is_whole() -> bool:
        seen = found()
        wanted = [job.facts["web_detector.chunks"] for job in seen["job"]]
        return [len(seen["chunk"])] == wanted and all(seen.values())

    until(is_whole)
    by_name = found()
    [request], [job], [plan], [merge] = (by_name[name] for name in ("POST /api/v1/jobs", "job", "plan", "merge"))
    chunks = by_name["chunk"]
    assert (request.parent, request.facts["http.response.status_code"]) == (CLIENT, 202)
    assert job.parent == request.id
    assert {span.parent for name in ("plan", "chunk", "merge") for span in by_name[name]} == {job.id}
    assert not any(span.error for spans in by_name.values() for span in spans)
    services = {name: {span.service for span in found} for name, found in by_name.items()}
    assert services == {
        "POST /api/v1/jobs": {"web-detector-api"},
        **{name: {"web-detector-processor"} for name in ("job", "plan", "merge")},
        "chunk": {"web-detector-detector"},
    }
    assert {span.facts["web_detector.job"] for span in (job, plan, merge, *chunks)} == {busy.job}
    assert sorted(int(span.facts["web_detector.chunk"]) for span in chunks) == list(range(len(chunks)))
    assert len(chunks) > 1
    assert sum(float(span.facts["web_detector.frames"]) for span in chunks) == job.facts["web_detector.frames"]
    stages = ("queue_wait_s", "wait_s", "infer_s", "head_s", "store_s", "decode_cpu_s")
    assert all(float(span.facts[f"web_detector.{stage}"]) >= 0 for span in chunks for stage in stages)
    assert job.began <= plan.began <= min(span.began for span in chunks)
    assert max(span.began for span in chunks) <= merge.began <= job.ended


def test_uploads_and_sessions_of_streams_are_traces_too(busy: Busy, collector: Receiver) -> None:
    def found(name: str, fact: str, value: str) -> list[Seen]:
        spans = collected(collector.calls)
        return [span for span in spans if span.name == name and span.facts.get(f"web_detector.{fact}") == value]

    until(lambda: found("connect", "stream", busy.stream))
    [connect] = found("connect", "stream", busy.stream)
    assert (connect.service, connect.error) == ("web-detector-ingest", "")
    until(lambda: found("rendition", "video", busy.video))
    [upload], [probe] = found("upload", "video", busy.video), found("probe", "video", busy.video)
    [request] = [span for span in collected(collector.calls) if span.id == upload.parent]
    assert (request.name, request.service, request.parent) == ("POST /api/v1/videos", "web-detector-api", "")
    assert (probe.trace, probe.parent, probe.service) == (upload.trace, request.id, "web-detector-processor")
    poster = next(span for span in found("rendition", "video", busy.video) if span.parent == request.id)
    assert (poster.service, poster.facts["web_detector.rendition_kind"]) == ("web-detector-processor", "poster")


@pytest.fixture(scope="module")
def scraper(busy: Busy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[prometheus.Prometheus]:
    """A Prometheus that has seen every role before and while a second job ran, and the stream all the while."""
    if not prometheus.is_installed():
        missing("Prometheus is not installed: tools/install-debian-packages")
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus.Prometheus(folder, {"web-detector": list(busy.ports.values())}) as server:
        until(lambda: server.series("web_detector_build_info") == len(busy.ports))
        busy.client.wait(busy.client.call("POST", "/jobs", 202, json={"video_id": busy.video}))
        yield server


def test_what_alerts_read_is_there_in_a_real_prometheus(scraper: prometheus.Prometheus) -> None:
    groups = yaml.safe_load((prometheus.MONITORING / "rules.yaml").read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    read = {one for expression in rules.values() for one in re.findall(r"web_detector_\w+(?:{[^}]*})?", expression)}
    for selector in sorted(read - OF_FAILURES):
        until(partial(scraper.series, selector))
    until(lambda: set(scraper.rules().values()) == {"ok"})
    assert scraper.rules().keys() == rules.keys()


@pytest.mark.parametrize("name", [dashboard.name for dashboard in DASHBOARDS if dashboard.of_the_service])
def test_every_panel_shows_something(scraper: prometheus.Prometheus, name: str, tmp_path: Path) -> None:
    [dashboard] = [dashboard for dashboard in DASHBOARDS if dashboard.name == name]
    asked = [query for panel in dashboard.of_the_service for query in panel.queries]
    until(lambda: not [query for query in asked if not scraper.series(query.within("5m"))])

    def drawn() -> dict[str, int]:
        [picture] = draw(scraper.url, [dashboard], span_until(time.time(), 1, "5m"), tmp_path)
        return marks(picture.read_text())

    assert set(drawn()) == {panel.title for panel in dashboard.panels}
    # The newest values are drawn when the step that holds them is over.
    until(lambda: all(drawn()[panel.title] for panel in dashboard.of_the_service))


def marks(picture: str) -> dict[str, int]:
    """How many lines, numbers and cells each panel of a picture has, by its title."""
    parts = [part for part in ElementTree.fromstring(picture) if part.get("aria-label")]  # noqa: S314  (ours)
    return {
        str(part.get("aria-label")): sum(mark.get("class") in ("line", "value", "cell") for mark in part.iter())
        for part in parts
    }


def test_a_query_that_prometheus_refuses_is_told_with_its_panel(scraper: prometheus.Prometheus) -> None:
    panel = Panel("Load", "How much?", "short", one("sum(up"))
    with pytest.raises(ValueError, match=r"Load: .*unclosed left parenthesis"):
        drawing.Prometheus(scraper.url).lines(panel, span_until(time.time(), 1, "5m"))
