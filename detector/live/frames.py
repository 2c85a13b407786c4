"""What a frame of a stream carries from its decoder to its result."""

from dataclasses import dataclass, replace
from typing import Protocol

from contracts.live import results
from contracts.live.results import LiveFrame
from contracts.live.streams import TICKS_PER_SECOND, StreamSpec
from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector import heads
from detector.decode.crop import shifted, shown_area
from detector.decode.live_protocol import Look
from detector.engine import check_finite
from detector.live.accounts import Accounts, Origin
from detector.live.retention import Retention
from detector.live.tracks import StreamTracks
from detector.tensors import Image, Outputs
from detector.view import View, view
from media.cropping import Area
from media.orientation import Orientation

_UNKNOWN_SIZE = (640, 360)


class Owner(Protocol):
    """The stream that a frame belongs to."""

    @property
    def id(self) -> str: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def is_held(self) -> bool:
        """Whether this detector still has the stream's lock."""
        ...

    @property
    def tracks(self) -> StreamTracks | None:
        """None where streams are not tracked."""
        ...

    @property
    def retention(self) -> Retention:
        """Of its results."""
        ...

    def note_result(self, frame: LiveFrame) -> None:
        """A result was written."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """How the frames of a stream are analysed, as of one revision of it. plan: its number, see contracts.live.plans."""

    spec: StreamSpec
    model: Model
    plan: int
    look: Look

    @property
    def image_bytes(self) -> int:
        """Size of its images."""
        return self.look.view.canvas[0] * self.look.view.canvas[1] * 3

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, 3) of its images."""
        return (self.look.view.canvas[1], self.look.view.canvas[0], 3)


@dataclass(frozen=True, slots=True)
class Ready:
    """A decoded frame that waits for the engine.

    image: in a slot of a memory. width, height: of the stored frame in pixels.
    """

    owner: Owner
    shown: Shown
    origin: Origin
    image: Image
    memory: object
    slot: int
    width: int
    height: int


def shown_as(spec: StreamSpec, model: Model, plan: int, width: int, height: int, rotation: int) -> Shown:
    """How to analyse a stream whose stored frames have that width and height in pixels, or nearly; 0 is unknown. plan:
    see Shown."""
    options = spec.options
    if not width or not height:  # not known before the first frame
        width, height = _UNKNOWN_SIZE
    area = shown_area(options.region, width, height, Orientation(rotation))
    interval = TICKS_PER_SECOND / options.max_fps if options.max_fps else 0.0
    look = Look(options.region, view(model, (area.width, area.height)), model.channels, rotation, interval)
    return Shown(spec, model, plan, look)


def result(ready: Ready, outputs: Outputs) -> LiveFrame:
    """The detections of a frame, boxes in pixels of the displayed frame. `done` and `dropped` are not known yet.

    Raises ModelBroken.
    """
    shown = ready.shown
    check_finite(shown.model, outputs)
    options = shown.spec.options
    size = Orientation(shown.look.rotation).size(ready.width, ready.height)
    crop = shown_area(options.region, ready.width, ready.height, Orientation(shown.look.rotation))
    class_ids = heads.class_ids(shown.model, options.labels)
    decode = heads.get(shown.model).decode
    inside = decode(outputs, shown.model, laid_out(shown.look.view, crop), options.min_score, class_ids)
    detections: Detections = shifted(inside, crop, size)
    origin = ready.origin
    return LiveFrame(
        number=origin.number,
        pts=origin.pts,
        width=size[0],
        height=size[1],
        arrival=origin.arrival,
        done=0.0,
        plan=shown.plan,
        **results.pack(detections),  # type: ignore[arg-type]
    )


def laid_out(laid: View, crop: Area) -> View:
    """The view of a frame at hand: its size may differ from that of the stream's first."""
    size = (crop.width, crop.height)
    return replace(laid.showing(size), size=size)
