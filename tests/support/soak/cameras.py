"""Cameras that can be killed and frozen, and that are the same ones afterwards."""

from contextlib import ExitStack
from pathlib import Path

from tests.support.deployments.service import free_port
from tests.support.servers.processes import ServerProcess, running
from tests.support.videos.clips import Clip, clip

KINDS = ("rtsp", "http")
FRAMES_PER_SECOND = 5
_SECONDS = 10


def film(number: int) -> Clip:
    """What camera of that number sees: some seconds, with a keyframe every two."""
    times = [25 // FRAMES_PER_SECOND * frame for frame in range(FRAMES_PER_SECOND * _SECONDS)]
    return clip(frames=len(times), every=2 * FRAMES_PER_SECOND, b_frames=0, size=(160, 96 + 32 * number), times=times)


class Camera:
    """A process at a port of its own. folder: of its film."""

    def __init__(self, kind: str, folder: Path, number: int) -> None:
        self.kind, self._folder, self._port = kind, folder / f"camera-{number}", free_port()
        self._folder.mkdir(parents=True)
        (self._folder / "door.mp4").write_bytes(film(number).content)
        self._stack = ExitStack()
        self.process = self._start()

    @property
    def url(self) -> str:
        """Of its stream."""
        end = "/door.mp4?play_count=0" if self.kind == "rtsp" else "/door"
        return f"{self.kind}://127.0.0.1:{self._port}{end}"

    def start_again(self) -> None:
        """After it was killed."""
        self.process = self._start()

    def close(self) -> None:
        """End it, whatever state it is in."""
        self._stack.close()

    def _start(self) -> ServerProcess:
        self._stack.close()
        if self.kind == "rtsp":
            server = running("rtsp_server", str(self._folder), "127.0.0.1", str(self._port))
        else:
            server = running("mjpeg_camera", str(self._port))
        return self._stack.enter_context(server)
