"""Jobs from plan to result file in one process: the processor's and the detector's own functions, without a queue."""

from dataclasses import replace
from pathlib import Path

from contracts.database.tables import Video
from contracts.results.codec import compress
from contracts.storage.port import index_key, video_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import ProbeReport, encode, to_json
from contracts.wire.runs import from_message, runs, to_message
from detector.chunk_attempt import perform
from detector.context import Services
from detector.decode.parent import Budget, Decoders
from detector.engine import EngineConfig
from detector.engines.loaded import Engines
from processor.jobs.advance import follow_up
from processor.jobs.stored_plan import read_plan
from tests.support.fakes import MemoryResultStore
from tests.support.models import tiny_model
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey


class WholeJobs:
    """With the tiny model."""

    def __init__(self, folder: Path, valkey: Valkey) -> None:
        tiny_model.install(folder / "models", labels=tiny_model.COMMON_LABELS)
        self._processor = InProcessProcessor(folder / "data", valkey, MODELS_DIR=folder / "models")
        parts = self._processor.services
        parts = self._processor.services = replace(parts, store=MemoryResultStore(600))
        engines, decoders = Engines(folder / "models", EngineConfig()), Decoders(Budget(10**9, 10**12))
        self._detector = Services(parts.catalogue, parts.storage, parts.store, engines, decoders, "worker-1", 600)

    def close(self) -> None:
        self._detector.decoders.close()
        self._processor.close()

    def add_video(self, content: bytes, report: ProbeReport) -> Video:
        """A stored video whose probe said this."""
        row = Video(
            user_id=self._processor.user,
            content_type="video/mp4",
            tags=[],
            size_bytes=len(content),
            sha256="0" * 64,
            media=to_json(report.media) if report.media else None,
        )
        self._processor.add(row)
        assert report.index is not None
        for key, data in ((video_key(row.id), content), (index_key(row.id), compress(encode(report.index)))):
            with self._processor.services.storage.create(key) as sink:
                sink.write(data)
        return row

    def run(self, video: Video, chunk_size: int) -> tuple[int, bytes]:
        """How many chunks a job has, and the bytes of its result file."""
        processor = self._processor
        settings = replace(processor.services.settings, chunk_size=chunk_size)
        processor.services = replace(processor.services, settings=settings)
        job = processor.start_job(video, tiny_model.ID)
        plan = read_plan(processor.services, job)
        assert plan is not None
        for message in runs(plan.chunks):
            assert perform(from_message(to_message(message)), self._detector, 0) is None
        assert follow_up(processor.services, job.id)
        assert processor.job(job.id).state == JobState.SUCCEEDED
        return len(plan.chunks), processor.result(job).read_bytes()
