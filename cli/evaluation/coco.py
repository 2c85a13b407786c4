"""Reader of COCO datasets: images anywhere in a folder, and one JSON annotation file."""

import os
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta

from cli.evaluation.dataset import Box, Category, Dataset, DatasetError, Image, Source, Truth

Length = Annotated[float, Meta(ge=0)]


class _Image(msgspec.Struct):
    id: int
    file_name: Annotated[str, Meta(min_length=1)]
    width: Annotated[int, Meta(ge=1)]
    height: Annotated[int, Meta(ge=1)]


class _Category(msgspec.Struct):
    id: int
    name: Annotated[str, Meta(min_length=1)]


class _Annotation(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, Length, Length]
    area: Length | None = None
    iscrowd: Annotated[int, Meta(ge=0, le=1)] = 0


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read(folder: Path, annotations: Path) -> Dataset:
    """Read a dataset. Raises DatasetError with the file and the position in it."""
    content = _parse(annotations)
    _check(annotations, content)
    files = _Files(folder)
    sources = []
    for item in content.images:
        image = Image(item.id, item.file_name, item.width, item.height)
        sources.append(Source(files.find(item.file_name, annotations), (image,), 1))
    truths = tuple(
        Truth(item.image_id, item.category_id, item.bbox, _area(item.bbox, item.area), bool(item.iscrowd))
        for item in content.annotations
    )
    categories = tuple(Category(item.id, item.name) for item in content.categories)
    return Dataset("COCO", categories, tuple(sources), truths)


def _area(box: Box, given: float | None) -> float:
    return box[2] * box[3] if given is None else given


def _parse(path: Path) -> _File:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:  # has the place, as in $.annotations[3].bbox
        raise DatasetError(f"{path}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {error}{_line(data, str(error))}") from error


def _line(data: bytes, text: str) -> str:
    """The line number of the byte offset in an error text."""
    found = re.search(r"\(byte (\d+)\)", text)
    line = data.count(b"\n", 0, int(found[1])) + 1 if found else 0
    return f", line {line}" if found else ""


def _check(path: Path, content: _File) -> None:
    """Check for duplicate and unknown ids. Raises DatasetError."""
    images = _once(path, "images", [item.id for item in content.images])
    categories = _once(path, "categories", [item.id for item in content.categories])
    for place, box in enumerate(content.annotations):
        if box.image_id not in images:
            raise DatasetError(f"{path}: annotations[{place}]: there is no image {box.image_id}")
        if box.category_id not in categories:
            raise DatasetError(f"{path}: annotations[{place}]: there is no category {box.category_id}")


def _once(path: Path, what: str, numbers: list[int]) -> set[int]:
    seen: set[int] = set()
    for place, number in enumerate(numbers):
        if number in seen:
            raise DatasetError(f"{path}: {what}[{place}]: duplicate id {number}")
        seen.add(number)
    return seen


class _Files:
    """Finds files below a folder by the end of their paths. Follows symbolic links."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_name: defaultdict[str, list[Path]] = defaultdict(list)
        seen: set[str] = set()
        for place, folders, names in os.walk(folder, followlinks=True):
            if (real := os.path.realpath(place)) in seen:  # a link back, or a second way to the same
                folders.clear()
                continue
            seen.add(real)
            for name in names:
                self._by_name[name].append(Path(place, name))

    def find(self, file_name: str, annotations: Path) -> Path:
        """The one file whose path ends with file_name, or else with its last part."""
        parts = PurePosixPath(file_name).parts
        same = self._by_name.get(parts[-1], [])
        found = [path for path in same if path.relative_to(self._folder).parts[-len(parts) :] == parts] or same
        if not found:
            raise DatasetError(f"{annotations}: the image {file_name} is not in {self._folder}")
        if len(found) > 1:
            two = " and ".join(str(path) for path in found[:2])
            raise DatasetError(f"{annotations}: the image {file_name} is ambiguous: there are {two}")
        return found[0]
