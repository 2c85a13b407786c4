"""The same video and plan give the same result file, whatever the chunks and however many workers."""

from pathlib import Path

import av
import pytest

from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Service
from tests.support.models import tiny_model

# (chunk size, detector workers, chunks that the clip of 212 frames and that with one keyframe are cut into). The first
# chunk has 24 frames, the next 48, 96, 192, or the chunk size; a keyframe lies near each cut of the one clip, and none
# in the other, of which the smallest chunks are a run.
CASES = [
    (7, 2, (18, 23)),
    pytest.param(60, 2, (5, 2), marks=pytest.mark.long),
    pytest.param(10_000, 1, (4, 2), marks=pytest.mark.long),
]


@pytest.fixture(scope="module")
def single(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample clip with only one keyframe."""
    path = tmp_path_factory.mktemp("clips") / "single.mp4"
    with av.open(str(full_sample)) as source, av.open(str(path), "w") as target:
        options = {"g": "10000", "sc_threshold": "0", "keyint_min": "10000", "bf": "2"}
        origin = source.streams.video[0]
        stream = target.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = origin.width, origin.height, "yuv420p"
        for frame in source.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    assert keyframes(path) == 1
    return path


def keyframes(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size)


@pytest.mark.parametrize(("size", "workers", "cuts"), CASES)
def test_result_is_independent_of_chunks_and_workers(
    service: Service, full_sample: Path, single: Path, tmp_path: Path, size: int, workers: int, cuts: tuple[int, int]
) -> None:
    """Compared with a service of other settings: the defaults."""
    assert keyframes(full_sample) > 10
    assert service.settings().chunk_size != size
    usual = service.client()
    tiny_model.install(tmp_path / "own" / "data" / "models", labels=tiny_model.COMMON_LABELS)
    settings = {"CHUNK_SIZE": size, "DETECTOR_WORKERS": workers, "DEFAULT_MODEL": tiny_model.ID}
    with EmbeddedMode().run(tmp_path / "own", **settings) as own:
        assert len(own.processes(r"detector\.worker")) >= workers
        client = own.client()
        for clip, chunks in zip((full_sample, single), cuts, strict=True):
            job = client.detect(clip)
            assert job["state"] == "succeeded", job
            assert job["progress"]["frames_total"] == 212
            assert own.chunks_total(job) == chunks
            assert own.result_bytes(job) == service.result_bytes(usual.detect(clip))
