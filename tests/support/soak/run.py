"""Soak test: jobs, uploads and live streams during faults, whose order a seed gives, and what must hold afterwards."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.deployments.breakable import Patient, space_of
from tests.support.deployments.service import Client
from tests.support.models import tiny_model
from tests.support.soak import endings, leftovers, streams, timeline
from tests.support.soak.faults import FAULTS, Scene
from tests.support.soak.load import OPTIONS, Jobs, Kind, Pushes, Submitted, Uploads
from tests.support.soak.timeline import Happened, Step
from tests.support.waiting import until

DETECTORS = 2
_PAUSE_SECONDS = (0.5, 8.0)
_BUNDLED = "nanodet-g"  # takes long enough that its detectors are killed at work
# These end by themselves when a child of theirs is killed, as they do in a container, which is then started again.
_MAY_END = ("detector", "live-detector")


@dataclass
class Soak:
    """One run. slack: seconds that processes take to start here, while everything else works. tell: of each fault, for
    who reads along."""

    scene: Scene
    seed: int
    slack: float
    tell: Callable[[str], None] = print
    log: list[Happened] = field(default_factory=list)

    def prepare(self, clips: Sequence[Path], number: int) -> None:
        """Upload the clips, run the control job of each kind, and start so many streams. Of several clips, the first is
        analysed with the bundled model too."""
        own = self.scene.own
        self.client = Patient(own.url).register("soak")
        self.settings = own.settings()
        self.kinds: list[Kind] = []
        self.made: list[Submitted] = []
        videos = [self.client.upload(clip) for clip in clips]
        bodies: list[dict[str, Any]] = [{"model": tiny_model.ID, "options": options} for options in OPTIONS]
        for video in videos:
            for body in [*bodies, {"model": _BUNDLED}] if video is not videos[-1] else bodies:
                job = self.client.wait(self.client.submit(video, **body))
                assert job["state"] == "succeeded", job
                self.kinds.append(Kind(video, body, own.result_bytes(job)))
                self.made.append(Submitted(self.kinds[-1], job))
        self.streams = streams.started(self.client, self.scene.cameras, videos[0], number)
        self.queues = leftovers.queues(self.scene.mode.servers.rabbitmq, space_of(own))

    def run(self, jobs: int, seconds: float) -> None:
        """Faults for so long, beside so many jobs; then everything goes on and ends without any."""
        sending, over = threading.Event(), threading.Event()
        own = self.scene.own
        self.jobs = Jobs(self._client(), self.kinds, jobs, seconds, self.seed, over, self.made)
        # Not patient: what has no answer may have been kept, and is not sent again.
        self.uploads = Uploads(Client(own.url).use(self.client.tokens), self.seed, sending)
        pushed = [one.id for one in self.streams if one.kind == "push"]
        self.pushes = [Pushes(Client(own.url).use(self.client.tokens), one, sending) for one in pushed]
        watch = streams.Watch(self.settings.result_store_url, self.streams, over)
        with ThreadPoolExecutor(3 + len(self.pushes)) as pool:
            beside = [pool.submit(run) for run in (watch.run, self.uploads.run, *(one.run for one in self.pushes))]
            try:
                endings.streams_run(self.client, self.streams, self.slack)
                submitted = pool.submit(self.jobs.run)
                self._break(seconds, [*beside, submitted])
                self.scene.mode.wait()
                submitted.result()
                endings.streams_run(self.client, self.streams, self.slack)
                endings.counters_add_up(self.settings.result_store_url, self.streams)
            finally:
                sending.set()
                over.set()
        for one in beside:
            one.result()

    def _break(self, seconds: float, others: Sequence["Future[None]"]) -> None:
        began = time.time()
        for step in timeline.order([*FAULTS], self.seed, _PAUSE_SECONDS):
            for one in others:
                if one.done():
                    one.result()  # raise its error now, while the logs are relevant
            if time.time() > began + seconds:
                return
            self._happen(step, began)
            time.sleep(step.pause)
            self._revive()

    def _happen(self, step: Step, began: float) -> None:
        fault, start = FAULTS[step.fault], time.time()
        try:
            what = fault.do(self.scene, step.chance)
        except BaseException:
            self.tell(f"{endings.clock(start)} {start - began:7.1f} s  {step.fault}: it cannot be done")
            raise
        self.log.append(Happened(step.fault, what, start, time.time(), fault.harm))
        self.tell(f"{endings.clock(start)} {start - began:7.1f} s  {step.fault}: {what}")

    def _revive(self) -> None:
        for part in self.scene.own.revive():
            said = part.log.read_text(errors="replace").strip().splitlines()
            assert part.name.rpartition("-")[0] in _MAY_END, "\n".join(said[-60:])
            last = said[-1] if said else ""
            self.tell(f"{endings.clock(time.time())}            {part.name} has ended by itself: {last}")

    def check(self) -> dict[str, Any]:
        """What must hold at the end; figures of what was there."""
        client, own, kept = self.client, self.scene.own, self.uploads
        for one in self.streams:
            client.call("POST", f"/streams/{one.id}/stop", 202)
        recordings = endings.recordings_end(client, self.streams)
        ended = endings.recordings_are_whole(client, recordings, self.log, self.slack)
        others = {one["job_id"] for found in recordings.values() for one in found}
        jobs = endings.jobs_ended(client, own, self.made, others, self.log)
        endings.uploads_kept(client, kept, self.log)
        lost = [
            endings.pushed_are_recorded(client, one, recordings[one.stream], self.log, self.slack)
            for one in self.pushes
        ]
        leftovers.rows_are_final(self.settings)
        return {
            "faults": len(self.log),
            "jobs": dict(jobs),
            "uploads kept, deleted, refused": [len(kept.kept), len(kept.deleted), len(kept.refused)],
            "images acknowledged": [len(one.taken) for one in self.pushes],
            "of these lost": lost,
            "recordings": dict(ended),
            "longest without results": round(endings.detection_went_on(self.streams, self.log, self.slack), 1),
            "jobs verified": leftovers.stored_data_is_good(self.settings),
            "orphans": [one.name for one in leftovers.swept(self.settings)],
        }

    def leave_nothing(self) -> None:
        """After everything is deleted."""
        mode, space = self.scene.mode, space_of(self.scene.own)
        leftovers.everything_deleted(self.client)
        leftovers.redis_is_empty(self.settings)
        # A recording of which no video could be made is kept as long as its stream.
        leftovers.swept(self.settings)
        self.scene.own.expect_files([])
        mode.settle(self.scene.own)

        def queues() -> tuple[list[str], list[str]]:
            return leftovers.queues(mode.servers.rabbitmq, space), self.queues

        until(lambda: len(set(map(tuple, queues()))) == 1, 60, progress=queues)

    def _client(self) -> Patient:
        return Patient(self.scene.own.url).use(self.client.tokens)
