"""Datasets with ground truth, independent of the file format."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# x, y of the top left corner, width and height in pixels, from 0, as COCO writes boxes.
Box = tuple[float, float, float, float]


class DatasetError(Exception):
    """The dataset cannot be used. The text names the file, the position and the reason."""


@dataclass(frozen=True, slots=True)
class Category:
    """An object category. also: alternative names."""

    id: int
    name: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """One image, or one frame of a video; width and height in pixels."""

    id: int
    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Truth:
    """A ground-truth object. area: in pixels, of its outline if known, otherwise of the box. crowd: detections inside
    are ignored. track: which object it is in its sequence, 0 where that is not known."""

    image_id: int
    category_id: int
    box: Box
    area: float
    crowd: bool = False
    track: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A file to upload. images: its first frames, in order. frames: required number of frames."""

    path: Path
    images: tuple[Image, ...]
    frames: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset. truths: of the images in sources only."""

    kind: str
    categories: tuple[Category, ...]
    sources: tuple[Source, ...]
    truths: tuple[Truth, ...]

    @property
    def images(self) -> list[Image]:
        """All images, in order."""
        return [image for source in self.sources for image in source.images]


def match(categories: Sequence[Category], labels: Sequence[str]) -> dict[int, str]:
    """The model's label of each category that it knows, by the category's id.

    Names count, not numbers; capitals, and whether words are parted by a space, - or _, do not.
    Raises DatasetError when two categories have the same label, or none has any.
    """
    known = {_plain(label): label for label in labels if label}
    found: dict[int, str] = {}
    taken: dict[str, str] = {}
    for category in categories:
        label = next((known[name] for name in map(_plain, (category.name, *category.also)) if name in known), None)
        if label is None:
            continue
        if label in taken:
            raise DatasetError(f"the categories {taken[label]!r} and {category.name!r} are both the label {label!r}")
        found[category.id], taken[label] = label, category.name
    if not found:
        names = ", ".join(category.name for category in categories[:10])
        raise DatasetError(f"the model knows none of the dataset's categories ({names}); it has {', '.join(labels)}")
    return found


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
