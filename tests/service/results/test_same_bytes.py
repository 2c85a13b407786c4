"""The same video and plan give the same result file, whatever the chunks and however many workers."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Service
from tests.support.models import tiny_model
from tests.support.videos.clips import clip

Cuts = tuple[int, int]
LONG = 1200  # frames of one group, hundreds of chunks
# (chunk size, detector workers, chunks that the clip of 212 frames and that with one keyframe are cut into). The first
# chunk has about 8 frames, the next 16, 32, or the chunk size; a keyframe lies near each cut of the one clip, and none
# in the other, of which the smallest chunks are a run.
CASES = [
    (7, 2, (18, 23)),
    pytest.param((60, 2, (9, 3)), marks=pytest.mark.long),
    pytest.param((10_000, 1, (9, 3)), marks=pytest.mark.long),
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


@pytest.fixture(scope="module")
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Cuts]]:
    """A service that cuts videos differently from the shared one, and how it cuts the two clips."""
    size, workers, cuts = request.param
    folder = tmp_path_factory.mktemp("cut")
    settings = {"CHUNK_SIZE": size, "DETECTOR_WORKERS": workers, **tiny_model.as_default(folder)}
    with EmbeddedMode().run(folder, LEASE_SECONDS=4, REAPER_SECONDS=1, **settings) as running:
        assert len(running.processes(r"detector\.worker")) >= workers
        yield running, cuts


@pytest.mark.parametrize("cut", CASES, indirect=True)
def test_result_is_independent_of_chunks_and_workers(
    service: Service, full_sample: Path, single: Path, cut: tuple[Service, Cuts]
) -> None:
    """Compared with a service of other settings: the defaults."""
    own, cuts = cut
    assert keyframes(full_sample) > 10
    assert service.settings().chunk_size != own.settings().chunk_size
    usual, client = service.client(), own.client()
    for video, chunks in zip((full_sample, single), cuts, strict=True):
        job = client.detect(video)
        assert job["state"] == "succeeded", job
        assert job["progress"]["frames_total"] == 212
        assert own.chunks_total(job) == chunks
        assert own.result_bytes(job) == service.result_bytes(usual.detect(video))


@pytest.mark.parametrize("cut", CASES[:1], indirect=True)
def test_detectors_killed_in_the_middle_of_a_run_lose_nothing(
    service: Service, cut: tuple[Service, Cuts], tmp_path: Path
) -> None:
    own, _ = cut
    video = tmp_path / "single.mp4"
    video.write_bytes(clip(frames=LONG, every=LONG, size=(64, 48)).content)
    client = own.client()
    job = client.start(client.upload(video))
    client.wait(job, lambda now: now["progress"]["frames_done"] > LONG * 2 // 3)
    killed = [process for process in own.processes(r"detector\.worker") if process.children()]
    for process in killed:
        process.kill()
    ended = client.wait(job)
    assert len(killed) >= 2
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == service.result_bytes(service.client().detect(video))
