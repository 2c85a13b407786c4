"""The model catalogue: entries as data, without weights or code.

An entry is a JSON file. That of the bundled model is next to this file. An added model has its entry <id>.json and its
weights in MODELS_DIR. Entries are read on demand, so models can be added while the service runs.
"""

import hashlib
import logging
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from contracts.errors import ModelBroken, UnknownModel

log = logging.getLogger(__name__)

# The 80 categories of COCO 2017, in the usual order of detectors.
COCO_80 = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip

# COCO's own category ids are 1 to 90, ten of them unused.
_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_NAMES = iter(COCO_80)
COCO_91 = tuple("" if number == 0 or number in _UNUSED else next(_NAMES) for number in range(91))
LABEL_SETS = {"coco-80": COCO_80, "coco-91": COCO_91}

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
# A name without slashes, so that an entry cannot refer to files outside its folder.
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
Channel = tuple[float, float, float]
_TEXT_MAX = 1000


class HeadOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Variants of a head, for different exports of a model.

    box: corners, corners with y first, or centre and size. units: pixels of the model's input, or fractions (0 to 1)
    of it. first_label: class number in the outputs of the first label. activation: turns outputs into scores; empty
    means the head's default. decoded: the outputs are boxes in pixels already. joined: the outputs of the head are
    columns of a single one. max_iou: IoU threshold of non-maximum suppression; 0 means the head's default.
    """

    box: Literal["xyxy", "yxyx", "cxcywh"] = "xyxy"
    units: Literal["pixel", "unit"] = "pixel"
    first_label: int = 0
    activation: Literal["", "none", "sigmoid", "softmax"] = ""
    decoded: bool = False
    joined: bool = False
    max_iou: float = 0


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model.

    file: name in MODELS_DIR, with its sha256 and size in bytes (0: unknown). int8_file: the model with integer
    weights, for the precision int8. url: download address of the file. accuracy: as published; accuracy_source: by
    whom and where. input_size: (width, height) of the input in pixels; None: frames of any size. fit: how a frame is
    scaled to the input: "stretch"; "pad" keeps the aspect ratio, image at the top left, the rest grey; "pad_centre"
    the same, image in the middle. mean and std: per channel in the colour order `channels`, for pixel values 0 to 255.
    head: post-processing of the outputs. outputs: names of the graph's outputs by role, where they differ from the
    roles. feeds: further inputs, constant integers [1, n]. labels: names by class number; an empty name is an unused
    class. config: further configuration of the engine. sides: for an engine that scales frames itself, length of the
    shorter side and maximum of the longer one in pixels; None: by its config. masks: whether the model can give masks.
    pool: name of the detectors that run it, empty for the default queue. chunk_size: target frames per chunk, if
    smaller than that of the service, for slow models; 0: that of the service.
    """

    id: Id
    title: str
    engine: str
    file: FileName
    sha256: Sha256
    size_bytes: int = 0
    int8_file: FileName | None = None
    int8_sha256: Sha256 = ""
    url: str = ""
    licence: str
    source: str
    accuracy: str
    accuracy_source: str = ""
    input_size: tuple[int, int] | None
    fit: Literal["stretch", "pad", "pad_centre"] = "stretch"
    channels: Literal["BGR", "RGB"]
    mean: Channel = (0.0, 0.0, 0.0)
    std: Channel = (1.0, 1.0, 1.0)
    head: str
    head_options: HeadOptions = HeadOptions()
    outputs: dict[str, str] = {}
    feeds: dict[str, tuple[int, ...]] = {}
    labels: tuple[str, ...]
    config: str = ""
    sides: tuple[int, int] | None = None
    masks: bool = False
    pool: str = ""
    chunk_size: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        """Check the texts, which terminals, spreadsheets and browsers show. Raises ValueError."""
        for name in _TEXTS:
            _check_text(name, getattr(self, name))
        for label in self.labels:
            _check_text("label", label)

    def weights(self, precision: str) -> tuple[str, str]:
        """Name and sha256 of the file for a precision. Raises ModelBroken when there is none."""
        if precision != "int8":
            return self.file, self.sha256
        if self.int8_file is None:
            raise ModelBroken(
                f"model {self.id} has no int8 file: add one with `web-detector models quantize {self.id}`"
            )
        return self.int8_file, self.int8_sha256

    def digest(self) -> str:
        """Digest of all fields that influence results: equal digests mean equal results in a precision.

        A bundled int8 file is none of them: it comes with the release, and jobs outlive an upgrade.
        """
        shown = {"title", "licence", "source", "accuracy", "accuracy_source", "url", "size_bytes", "pool", "chunk_size"}
        release, counted = BUNDLED.get(self.id), self
        if release is not None and release.int8_sha256 == self.int8_sha256:
            counted = msgspec.structs.replace(self, int8_file=None, int8_sha256="")
        content = {name: getattr(counted, name) for name in self.__struct_fields__ if name not in shown}
        return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


_REQUIRED = {field.name for field in msgspec.structs.fields(Model) if field.required}


_TEXTS = ("title", "engine", "url", "licence", "source", "accuracy", "accuracy_source", "head", "config", "pool")


def _check_text(name: str, text: str) -> None:
    """Raises ValueError for control characters, invisible ones, and very long texts."""
    if len(text) > _TEXT_MAX or not text.isprintable():
        raise ValueError(f"{name} {text[:40]!a} has control characters, or more than {_TEXT_MAX}: write it plainly")


class Catalogue:
    """The models that jobs may name: the bundled one, and those in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, model_id: str) -> Model:
        """The model with an id. Raises UnknownModel with the list of known ids, ModelBroken."""
        # Check the pattern first, since the id becomes part of a path.
        if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", model_id):
            path = self._folder / f"{model_id}.json"
            if path.is_file():
                return read_entry(path)
            if model_id in BUNDLED:
                return BUNDLED[model_id]
        known = ", ".join(model.id for model in self.all())
        raise UnknownModel(f"there is no model {model_id!r}; known are: {known}")

    def all(self) -> tuple[Model, ...]:
        """All models, the bundled one first. Unreadable entries are logged and left out."""
        found = dict(BUNDLED)
        for path in sorted(self._folder.glob("*.json")):
            try:
                model = read_entry(path)
            except ModelBroken as error:
                log.error("%s", error.detail)
                continue
            found[model.id] = model
        return tuple(found.values())


def read_entry(path: Path) -> Model:
    """Read the entry in a file. Raises ModelBroken with the reason."""
    try:
        raw = msgspec.json.decode(path.read_bytes())
        model = entry(raw)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelBroken(f"the entry {path} cannot be read: {error}") from error
    if model.id != path.stem:
        raise ModelBroken(f"the entry {path} is that of model {model.id}: its name must be {model.id}.json")
    return model


def entry(raw: Any) -> Model:
    """Build an entry from plain data; labels may be a name in LABEL_SETS. Raises msgspec.ValidationError."""
    if isinstance(raw, dict) and isinstance(raw.get("labels"), str):
        name = raw["labels"]
        if name not in LABEL_SETS:
            raise msgspec.ValidationError(f"there are no labels {name!r}; known are: {', '.join(LABEL_SETS)}")
        raw = raw | {"labels": LABEL_SETS[name]}
    return msgspec.convert(raw, Model)


def write_entry(model: Model) -> bytes:
    """The entry as the content of its file."""
    raw = {
        name: value
        for name, value in msgspec.to_builtins(model).items()
        if value not in (None, "", {}) or name in _REQUIRED
    }
    raw["labels"] = next((name for name, labels in LABEL_SETS.items() if labels == model.labels), raw["labels"])
    return msgspec.json.format(msgspec.json.encode(raw), indent=2) + b"\n"


BUNDLED = {path.stem: read_entry(path) for path in sorted(Path(__file__).parent.glob("*.json"))}


def bundled(model_id: str) -> Model:
    """A bundled model. Raises KeyError."""
    return BUNDLED[model_id]
