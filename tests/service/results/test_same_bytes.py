"""The same video and plan give the same result file, whatever the chunks and however many workers."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import av
import psutil
import pytest

from tests.service.results.conftest import CHUNK_SIZE, WORKERS
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Service
from tests.support.models import tiny_model
from tests.support.videos.clips import clip
from tests.support.videos.spots import Spot, pictures
from tests.support.waiting import until

Cuts = tuple[int, int]
LONG = 1200  # frames of one group, hundreds of chunks
BUSY = 2000  # frames with things that come, move and go, and cuts
FEW = {"frames": "balanced", "min_score": 0.6}
# (chunk size, detector workers, chunks that the clip of 212 frames and that with one keyframe are cut into). The first
# chunk has about 8 frames, the next 16, 32, or the chunk size; a keyframe lies near each cut of the one clip, and none
# in the other, of which the smallest chunks are a run.
CASES = [
    (CHUNK_SIZE, WORKERS, (18, 23)),
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
    with ExitStack() as stack:
        if (size, workers) == (CHUNK_SIZE, WORKERS):
            running = request.getfixturevalue("own")
        else:
            folder = tmp_path_factory.mktemp("cut")
            settings = {"CHUNK_SIZE": size, "DETECTOR_WORKERS": workers, **tiny_model.as_default(folder)}
            running = stack.enter_context(EmbeddedMode().run(folder, **settings))
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


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of more than one group in each of its many chunks."""
    spots = [
        Spot(number % 3, first, first + 70, (4 * (number % 5), 4 + 13 * (number % 6)), (130, 70 - 13 * (number % 6)))
        for number, first in enumerate(range(0, BUSY, 31))
    ]
    images = pictures(spots, BUSY, cuts=range(333, BUSY, 410))
    path = tmp_path_factory.mktemp("clips") / "busy.mp4"
    path.write_bytes(clip(images=images, every=48).content)
    return path


@pytest.mark.parametrize("cut", CASES[:1], indirect=True)
def test_few_frames_give_the_same_bytes_with_one_and_three_detectors_also_where_two_are_killed_at_work(
    service: Service, busy: Path, cut: tuple[Service, Cuts]
) -> None:
    own, _ = cut
    until(lambda: (len(fork_servers(service)), len(fork_servers(own))) == (1, 3))
    usual = service.client().detect(busy, options=FEW)
    assert BUSY / 40 < usual["frames_inferred"] < BUSY / 4
    expected = service.result_bytes(usual)
    client = own.client()
    video = client.upload(busy)
    running = client.start(video, options=FEW)
    kill_at_work(own, spared={kill_at_work(own, spared=set())})
    ended = client.wait(running)
    assert ended["state"] == "succeeded", ended
    assert ended["frames_inferred"] == usual["frames_inferred"]
    assert own.chunks_total(ended) == service.chunks_total(usual) > 8, "CHUNK_SIZE decided"
    assert own.result_bytes(ended) == expected
    undisturbed = client.wait(client.start(video, options=FEW))
    assert own.result_bytes(undisturbed) == expected


def fork_servers(service: Service) -> list[psutil.Process]:
    """One for each detector: the parent of its decoders."""
    return service.processes(r"detector\.decode\.fork_server")


def kill_at_work(service: Service, spared: set[int]) -> int:
    """Kill a detector that is in the middle of a chunk, since its decoder runs; give its process id.

    spared: process ids of detectors that were killed before.
    """
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for server in fork_servers(service) * 50:
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                worker = server.parent()
                if worker is None or worker.pid in spared or not decoders(server):
                    continue
                worker.suspend()
                if decoders(server):
                    worker.kill()
                    return worker.pid
                worker.resume()
    raise AssertionError("no detector decoded anything")


def decoders(server: psutil.Process) -> str:
    """The processes that a fork server started and that run: what psutil says too, but ten times as fast."""
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
