"""One model and its engine, in a thread of their own: takes the newest images of its streams, and makes results."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import Enum, auto

from contracts.errors import WebDetectorError
from contracts.live.results import LiveFrame
from contracts.live.streams import DropReason
from contracts.models.catalogue import Model
from detector.engine import Engine, EngineInfo
from detector.live.board import Board
from detector.live.frames import Ready, result
from detector.tensors import Image, Outputs

log = logging.getLogger(__name__)

# A model that could not be loaded or run is tried again, since somebody may have mended it.
RETRY_SECONDS = 30.0
# Reading an image takes milliseconds.
_WAIT_SECONDS = 5.0


class LaneState(Enum):
    """Of a lane: its model is being loaded, ready, or cannot be used."""

    LOADING = auto()
    READY = auto()
    BROKEN = auto()


class Lane:
    """The images of all streams with one model. `put` and the others never wait for the engine.

    info: what computes, while state is READY. error, detail: why it is BROKEN, and what to do.
    """

    def __init__(
        self,
        model: Model,
        load: Callable[[], Engine],
        write: Callable[[Ready, LiveFrame], None],
        served: Callable[[int, float], None] = lambda frames, seconds: None,
    ) -> None:
        """load: the model's engine, see detector.engines.loaded.Engines.get. write: takes a result. served: called
        with so many images in so many busy seconds, whenever none is left."""
        self.model = model
        self.state = LaneState.LOADING
        self.info: EngineInfo | None = None
        self.error = self.detail = ""
        self._load, self._write, self._served = load, write, served
        self._board: Board[Ready] = Board()
        self._changed = threading.Condition()
        self._stopping = False
        self._running: deque[Ready] = deque()  # images that the engine has
        self._thread = threading.Thread(target=self._run, name=f"lane {model.id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_WAIT_SECONDS)

    def join(self, stream: object) -> None:
        """A stream begins to send images."""
        with self._changed:
            self._board.join(stream)
            self._changed.notify_all()

    def leave(self, stream: object) -> None:
        """A stream sends none any more; returns when none of its images is read."""
        with self._changed:
            left = self._board.leave(stream)
            self._changed.wait_for(lambda: not self._board.is_read(stream), _WAIT_SECONDS)
        if left is not None:
            left.owner.accounts.drop(DropReason.BEHIND)

    def free_slot(self, stream: object, memory: object) -> int:
        """A slot of that memory that may be written."""
        with self._changed:
            return self._board.free_slot(stream, memory)

    def put(self, ready: Ready) -> None:
        """Offer a stream's newest image."""
        with self._changed:
            replaced = self._board.put(ready.owner, ready)
            self._changed.notify_all()
        if replaced is not None:
            replaced.owner.accounts.drop(DropReason.BEHIND)

    def _run(self) -> None:
        while self._wait_for(lambda: self._board.has_streams):
            try:
                engine = self._load()
                self.info = engine.describe()
                self.state, self.error, self.detail = LaneState.READY, "", ""
                self._serve(engine)
            except WebDetectorError as error:
                self._break(error.code, error.detail)
            except Exception as error:
                log.exception("unexpected error of model %s", self.model.id)
                self._break("internal", f"the engine failed: {error!r}; see the detector's log")

    def _break(self, code: str, detail: str) -> None:
        """The model cannot be used for now: its images get no result."""
        log.error("model %s cannot be used: %s", self.model.id, detail)
        self.state, self.error, self.detail = LaneState.BROKEN, code, detail
        with self._changed:
            self._board.release()
            self._changed.notify_all()
            lost = [*self._running]
            self._running.clear()
            while (ready := self._board.take()) is not None:
                lost.append(ready)
            self._board.release()
            self._changed.wait_for(lambda: self._stopping, RETRY_SECONDS)
        for ready in lost:
            ready.owner.accounts.drop(DropReason.BEHIND)

    def _serve(self, engine: Engine) -> None:
        """Infer what is ready, as long as something is, then wait for more."""
        while self._wait_for(lambda: self._board.has_ready):
            began, images = time.monotonic(), 0
            with closing(engine.infer(self._pulled())) as outputs:
                for one in outputs:
                    self._finish(self._running[0], one)
                    images += 1
            self._served(images, time.monotonic() - began)

    def _wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until it is true; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or condition())
            return not self._stopping

    def _pulled(self) -> Iterator[Image]:
        """Images until none is ready. The engine has read one when it pulls the next."""
        while True:
            with self._changed:
                ready = None if self._stopping else self._board.take()
                self._changed.notify_all()
            if ready is None:
                with self._changed:
                    self._board.release()
                return
            self._running.append(ready)
            yield ready.image

    def _finish(self, ready: Ready, outputs: Outputs) -> None:
        frame = result(ready, outputs)
        self._running.popleft()
        self._write(ready, frame)
