"""Keeps an engine busy from one chunk to the next: images of the next go in while the last outputs come out."""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from detector.engine import Engine
from detector.tensors import Image, Outputs

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where images come from: see detector.inference.Inference."""

    @property
    def is_begun(self) -> bool:
        """Whether images were given whose outputs have not come."""

    def image_ahead(self) -> Image | None:
        """The next image, before its turn; None where it would have to be waited for."""


class Relay:
    """Infers the images of one source after the other. Only one thread may use it."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._masks = False
        self._results: Generator[Outputs, None, None] | None = None
        self._images: Iterator[Image] = iter(())  # of the source whose turn it is
        self._due = 0  # outputs of that source that the engine owes
        self._given = True  # whether it has given all its images
        self._following: Callable[[], Source | None] = lambda: None
        self._next: Source | None = None  # has given images before its turn
        self._next_due = 0
        self._left = 0.0  # when the last source had its last output

    def has_lost(self, source: Source) -> bool:
        """Whether outputs of images that a source gave before its turn will not come: it has to begin anew."""
        return source.is_begun and source is not self._next

    def close(self) -> None:
        """Leave the engine, with whatever it has not computed."""
        results, self._results, self._next = self._results, None, None
        if results is not None:
            results.close()

    def infer(
        self,
        engine: Engine,
        source: Source,
        following: Callable[[], Source | None],
        images: Iterable[Image],
        masks: bool,
    ) -> Generator[Outputs, None, None]:
        """As Engine.infer; images: those that the source has not given yet. following: which source may come next with
        the same engine and masks, if that is known."""
        resumed = source is self._next and (engine, masks) == (self._engine, self._masks)
        if not resumed:
            self.close()
        self._engine, self._masks, self._following = engine, masks, following
        self._images, self._given = iter(images), False
        self._due, self._next = (self._next_due if resumed else 0), None
        # As benchmarks/chunkcost.py reads it.
        log.debug("after %.2f ms the engine goes on, with %d images in it", self._since_left(), self._due)
        try:
            while self._due or not self._given:
                if self._results is None:
                    self._results = engine.infer(self._fed(), masks=masks)
                outputs = next(self._results, None)
                if outputs is not None:
                    self._due -= 1
                    yield outputs
                elif resumed:  # it had run dry before this source's turn came
                    self._results, resumed = None, False
                else:
                    break
        except BaseException:
            self.close()
            raise
        self._left = time.monotonic()
        if self._next is None:
            self.close()

    def _since_left(self) -> float:
        return 1000 * (time.monotonic() - self._left)

    def _fed(self) -> Iterator[Image]:
        while True:
            image = next(self._images, None)
            if image is not None:
                self._due += 1
            else:
                self._given = True
                image = self._image_ahead()
                if image is None:
                    return
            yield image

    def _image_ahead(self) -> Image | None:
        """Of the next source, as long as outputs of this one are due."""
        source = (self._next or self._following()) if self._due else None
        if source is None or self.has_lost(source):
            return None
        try:
            image = source.image_ahead()
        except Exception:  # it is found out when its turn comes
            return None
        if image is not None:
            self._next, self._next_due = source, (self._next_due + 1 if source is self._next else 1)
        return image


@dataclass(frozen=True, slots=True)
class Place:
    """An engine, as one source has it."""

    relay: Relay
    engine: Engine
    source: Source
    following: Callable[[], Source | None]

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        """See Engine.infer."""
        yield from self.relay.infer(self.engine, self.source, self.following, images, masks)
