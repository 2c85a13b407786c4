"""Interpretations of a graph's outputs, with the usual preprocessing of such models. Data only."""

from dataclasses import dataclass

from contracts.models.catalogue import Channel, HeadOptions

_ZEROS: Channel = (0.0, 0.0, 0.0)
_ONES: Channel = (1.0, 1.0, 1.0)
_BYTE: Channel = (255.0, 255.0, 255.0)
_UNCHANGED = HeadOptions()
# Mean and standard deviation of ImageNet, in RGB.
_MEAN: Channel = (123.675, 116.28, 103.53)
_STD: Channel = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Family:
    """Models with the same preprocessing, as fields of the catalogue entry. name: for messages."""

    name: str
    channels: str = "RGB"
    mean: Channel = _ZEROS
    std: Channel = _BYTE
    fit: str = "stretch"
    head_options: HeadOptions = _UNCHANGED


YOLOX = Family("YOLOX", channels="BGR", std=_ONES, fit="pad")
YOLO = Family("YOLO", fit="pad_centre")
DETR = Family("RT-DETR and D-FINE")
NORMALISED_DETR = Family("RF-DETR and DETR", mean=_MEAN, std=_STD)
NANODET = Family("NanoDet", channels="BGR", mean=_MEAN[::-1], std=_STD[::-1])
FINAL = Family("models with post-processing inside")
TENSORFLOW = Family(
    "TensorFlow's detectors", std=_ONES, head_options=HeadOptions(box="yxyx", units="unit", first_label=1)
)


@dataclass(frozen=True, slots=True)
class Reading:
    """head: name. outputs: names in the graph by role. classes: their number, None if the outputs do not tell. why:
    reason as text. options: head options."""

    head: str
    outputs: dict[str, str]
    classes: int | None
    why: str
    family: Family
    options: HeadOptions = _UNCHANGED
