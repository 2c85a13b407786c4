"""The command line's client and report, against a service that is made up."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from cli.client.detect import Request, _run
from cli.client.report import Report
from cli.client.shell import sign_in
from cli.evaluation.gather import sweep
from cli.main import main
from web_detector import pace
from web_detector.http_client import Client, ServiceError

Answer = Callable[[httpx2.Request], httpx2.Response]
FRAMES = [{"frame": n, "time_ms": n * 40.0, "detections": []} for n in range(3)]
SUMMARY = {
    "frames": 212,
    "seconds": 2.0,
    "ms_per_frame": 9.0,
    "labels": {
        "cup": {"detections": 3, "frames": 3, "max_in_frame": 1, "max_at_ms": 1500.0},
        "cat": {"detections": 40, "frames": 38, "max_in_frame": 2, "max_at_ms": 40.0},
    },
    "top_labels": ["cat", "cup"],
}


class Made:
    """A service with one video and one job, whose states come from a list."""

    def __init__(self, *states: str, **answers: Answer) -> None:
        self.states = list(states)
        self.answers = answers
        self.seen: list[str] = []
        self.logins = 0
        self.body = b""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rsplit("/", 1)[1]
        self.seen.append(f"{request.method} {request.url.path}")
        if name in self.answers:
            return self.answers[name](request)
        if name in ("register", "login"):
            self.logins += 1
            return httpx2.Response(200, json={"access_token": f"token-{self.logins}"})
        assert request.headers["Authorization"] == f"Bearer token-{self.logins}"
        if name in ("videos", "jobs"):
            self.body = request.read()
            return httpx2.Response(201, json={"id": "the-id"})
        if name == "models":
            model = {"id": "tiny", "labels": ["cat", "cup"], "default": True}
            return httpx2.Response(200, json={"items": [model], "next_cursor": None})
        if name == "summary":
            return httpx2.Response(200, json=SUMMARY)
        if name == "results":
            assert request.headers["Accept"] == "application/x-ndjson"
            return httpx2.Response(200, text="".join(json.dumps(frame) + "\n" for frame in FRAMES))
        state = self.states.pop(0)
        progress = {"frames_done": 5, "frames_total": 212, "fps": 9.5, "eta_s": 21.0}
        ranges = [{"first": 3, "last": 9, "reason": "damaged"}] if state == "partial" else []
        error = {"code": "decode_failed", "detail": "no frame"} if state == "failed" else None
        job = {"id": "the-id", "state": state, "progress": progress, "failed_ranges": ranges, "error": error}
        return httpx2.Response(200, json=job)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "{odd} [name].mp4"
    path.write_bytes(b"0123456789" * 30_000)
    return path


def connect(service: Answer) -> Client:
    client = Client("http://service.test/", httpx2.MockTransport(service))
    client.login("alice", "a password")
    return client


def run(service: Answer, request: Request) -> tuple[str, str]:
    """The id of the job, and what was printed."""
    console = Console(file=io.StringIO(), width=100)
    with connect(service) as client:
        job_id = _run(client, request, Report(console))
    assert isinstance(console.file, io.StringIO)
    return job_id, console.file.getvalue()


def asked(
    video: Path, output: Path | None = None, min_score: float | None = None, labels: tuple[str, ...] = ()
) -> Request:
    return Request(file=video, output=output, model=None, min_score=min_score, labels=labels, keep=False)


def test_file_is_streamed_completely_with_progress(video: Path) -> None:
    service = Made()
    told: list[int] = []
    with connect(service) as client:
        client.upload(video, told.append)
    assert video.read_bytes() in service.body
    assert told == sorted(told)
    assert (len(told) > 4, told[-1]) == (True, 300_000)


def test_an_api_token_does_in_place_of_name_and_password() -> None:
    user = {"WEB_DETECTOR_USER": "alice", "WEB_DETECTOR_PASSWORD": "a password"}
    told: list[str] = []

    def service(request: httpx2.Request) -> httpx2.Response:
        told.append(f"{request.url.path} {request.headers.get('Authorization')}")
        return httpx2.Response(200, json={"access_token": "a-session", "items": [], "next_cursor": None})

    for environ in (user | {"WEB_DETECTOR_TOKEN": " wdt_1 "}, user):
        with Client("http://service.test", httpx2.MockTransport(service)) as client:
            list(sign_in(client, environ).videos())
    assert told == [
        "/api/v1/videos Bearer wdt_1",
        "/api/v1/auth/login None",
        "/api/v1/videos Bearer a-session",
    ]
    with pytest.raises(ServiceError, match="or WEB_DETECTOR_TOKEN"):
        sign_in(client, {"WEB_DETECTOR_USER": "alice"})


def test_job_contains_only_the_given_options(video: Path) -> None:
    service = Made()
    with connect(service) as client:
        client.start("v", None, asked(video).options)
        assert json.loads(service.body) == {"video_id": "v", "options": {}}
        client.start("v", "m", asked(video, min_score=0.5, labels=("cat",)).options)
    assert json.loads(service.body) == {
        "video_id": "v",
        "model": "m",
        "options": {"min_score": 0.5, "labels": ["cat"]},
    }


def test_the_summary_is_a_table_with_the_most_frequent_first(video: Path) -> None:
    job_id, output = run(Made("queued", "running", "succeeded"), asked(video))
    assert job_id == "the-id"
    assert "uploading {odd} [name].mp4: 300000 of 300000 bytes" in output
    assert "detecting: 5 of 212 frames, 9.5 frames/s, 21 s left" in output
    assert "212 frames in 2.0 s, 106.0 frames/s" in output
    assert "CPU" not in output, "this service does not tell it"
    assert output.index("cat") < output.index("cup")
    assert "top labels: cat, cup" in output


def test_the_summary_says_in_how_many_of_the_frames_was_detected(video: Path) -> None:
    summary = SUMMARY | {"frames_inferred": 15}
    service = Made("succeeded", summary=lambda _: httpx2.Response(200, json=summary))
    request = replace(asked(video), frames="balanced")
    _, output = run(service, request)
    assert request.options == {"frames": "balanced"}
    assert "frames/s, detected in 7.1 % of them, the rest filled in" in output


def test_the_cpu_time_of_the_detectors_is_told_where_it_is_known(video: Path) -> None:
    cost = {"frames_inferred": None, "detector_cpu_seconds": 3.25}
    _, output = run(Made("succeeded", summary=lambda _: httpx2.Response(200, json=SUMMARY | cost)), asked(video))
    assert "CPU time of the detectors: 3.2 s" in output
    assert "detected in" not in output


def test_a_partial_job_is_a_warning_that_names_what_is_missing(video: Path) -> None:
    _, output = run(Made("partial"), asked(video))
    assert "warning: the result is incomplete: frames 3 to 9: damaged" in output


def test_a_failed_job_is_an_error_with_its_reason(video: Path) -> None:
    with pytest.raises(ServiceError, match=r"^the job the-id ended as failed: no frame \(decode_failed\)$"):
        run(Made("running", "failed"), asked(video))


@pytest.mark.parametrize(("status", "deleted"), [(422, True), (503, False)])
def test_a_refused_job_leaves_no_video(video: Path, status: int, deleted: bool) -> None:
    def refuse(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json={"title": "No", "detail": "too many", "code": "too_many_jobs"})

    service = Made(jobs=refuse, **{"the-id": lambda _: httpx2.Response(204)})
    with pytest.raises(ServiceError, match="too many"):
        run(service, asked(video, labels=("cat",)))
    assert ("DELETE /api/v1/videos/the-id" in service.seen) is deleted


def test_what_the_service_would_refuse_is_not_uploaded_for(video: Path) -> None:
    service = Made()
    with pytest.raises(ServiceError, match="tiny has no label 'unicorn'; it has: cat, cup"):
        run(service, asked(video, labels=("unicorn",)))
    assert service.seen == ["POST /api/v1/auth/login", "GET /api/v1/models"]


def test_all_frames_are_written_as_lines_or_as_one_document(video: Path, tmp_path: Path) -> None:
    lines, document = tmp_path / "out.ndjson", tmp_path / "out.json"
    run(Made("succeeded"), asked(video, lines))
    run(Made("succeeded"), asked(video, document))
    assert [json.loads(line) for line in lines.read_text().splitlines()] == FRAMES
    content = json.loads(document.read_text())
    assert (content["frames"], content["summary"], content["job"]["state"]) == (FRAMES, SUMMARY, "succeeded")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.ndjson", video.name]


def test_a_broken_download_leaves_no_file(video: Path, tmp_path: Path) -> None:
    service = Made("succeeded", results=lambda _: httpx2.Response(503, text="away"))
    with pytest.raises(ServiceError, match="HTTP 503"):
        run(service, asked(video, tmp_path / "out.json"))
    assert [path.name for path in tmp_path.iterdir()] == [video.name]


def test_a_problem_is_one_line() -> None:
    problem = {"title": "The video was refused", "detail": "it has no picture", "code": "video_refused", "status": 422}
    service = Made(summary=lambda _: httpx2.Response(422, json=problem))
    text = r"^The video was refused: it has no picture \(video_refused, HTTP 422\)$"
    with connect(service) as client, pytest.raises(ServiceError, match=text):
        client.summary("the-id")


def test_response_without_a_problem_is_named_by_its_status() -> None:
    service = Made(summary=lambda _: httpx2.Response(502, text="<html>"))
    with connect(service) as client, pytest.raises(ServiceError, match="HTTP 502 Bad Gateway for GET http://service"):
        client.summary("the-id")


def test_expired_token_is_renewed_once(video: Path) -> None:
    service = Made("succeeded")
    answers = iter([httpx2.Response(401, json={}), httpx2.Response(200, json=SUMMARY)])
    service.answers["summary"] = lambda _: next(answers)
    with connect(service) as client:
        assert client.summary("the-id") == SUMMARY
    assert service.logins == 2


def test_upload_has_its_source_and_a_valid_token(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be repeated, so that a token past half of its life is renewed first."""
    service = Made()
    service.answers["login"] = lambda _: httpx2.Response(200, json={"access_token": "token-1", "expires_in": 100})
    now = [1000.0]
    monkeypatch.setattr("web_detector.http_client.time.monotonic", lambda: now[0])
    service.logins = 1
    with connect(service) as client:
        client.upload(video, lambda _: None, "a camera")
        assert b'name="source"\r\n\r\na camera\r\n' in service.body
        now[0] += 49
        client.upload(video, lambda _: None)
        assert b'name="source"' not in service.body
        now[0] += 2
        client.upload(video, lambda _: None)
    assert [line.rsplit("/", 1)[1] for line in service.seen] == ["login", "videos", "videos", "login", "videos"]


def test_lists_are_read_page_after_page() -> None:
    pages = {None: ("a", "b", "next"), "next": ("c", None)}

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert (request.url.params["video_id"], request.url.params["limit"]) == ("v", "100")
        *ids, following = pages[request.url.params.get("cursor")]
        return httpx2.Response(200, json={"items": [{"id": item} for item in ids], "next_cursor": following})

    with connect(Made(jobs=answer)) as client:
        assert [job["id"] for job in client.jobs("v")] == ["a", "b", "c"]


def test_failed_deletion_is_reported_and_the_rest_is_deleted() -> None:
    """Of the videos with the tag, and that are newer than the one from before."""
    items = [
        {"id": name, "source": source}
        for name, source in (("d", "tag"), ("c", "other"), ("b", "tag"), ("a", "tag"), ("before", None), ("x", "tag"))
    ]
    listed = {"videos": items, "jobs": []}
    deleted: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rsplit("/", 1)[1]
        if request.method == "DELETE":
            deleted.append(name)
            return httpx2.Response(409, text="running") if name == "b" else httpx2.Response(204)
        if name == "login":
            return httpx2.Response(200, json={"access_token": "t"})
        return httpx2.Response(200, json={"items": listed[name], "next_cursor": None})

    with (
        connect(answer) as client,
        pytest.raises(ServiceError, match=r"^could not be deleted: 1 of 3, the first is b: HTTP 409"),
    ):
        sweep(client, "tag", "before")
    assert deleted == ["d", "b", "a"]


def test_brief_outage_of_the_service_is_waited_for() -> None:
    service = Made("running", "succeeded")
    failures = iter([True, False, True, False])

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("the-id") and next(failures):
            raise httpx2.ConnectError("refused")
        return service(request)

    with connect(answer) as client:
        assert [job["state"] for job in client.follow("the-id")] == ["running", "succeeded"]


def test_missing_service_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("URL", "http://127.0.0.1:1"), ("USER", "a"), ("PASSWORD", "b")):
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", value)
    assert main(["detect", __file__]) == 1
    assert "web-detector: http://127.0.0.1:1 does not answer" in capsys.readouterr().err


def test_invalid_arguments_are_reported_before_anything_is_sent(
    video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEB_DETECTOR_URL", "http://127.0.0.1:1")
    assert main(["detect", "no-such-file"]) == 1
    assert main(["detect", str(video)]) == 1
    assert main(["detect", str(video), "-o", "no-such-folder/out.json"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].split()[0] for line in lines] == ["there", "WEB_DETECTOR_URL", "no-such-folder/out.json"]
    with pytest.raises(SystemExit):
        main(["detect", str(video), "-o", "out.txt"])
    assert "must end with .json or .ndjson" in capsys.readouterr().err
