"""Reader of MOTChallenge datasets: a folder per sequence, with seqinfo.ini, frames, and gt/gt.txt.

Columns of gt.txt: frame, id, x, y, width, height, flag, class, visibility; frames and pixels count from 1. Class 1 with
a flag other than 0 is ground truth. Pedestrians with flag 0, and the look-alike classes (on a vehicle, standing still,
distractor, reflection), are ignored: detections of them count neither as right nor as wrong. All other classes and the
visibility are not used; the id is, where tracks are measured. The files of 2015 have ten columns without a class: all
lines are pedestrians.
"""

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from cli.evaluation import motion_jpeg
from cli.evaluation.dataset import Box, Category, Dataset, DatasetError, Image, Source, Truth

PERSON = Category(1, "person", ("pedestrian",))
_PEDESTRIAN = 1
_LOOK_ALIKE = frozenset({2, 7, 8, 12})
_COLUMNS, _COLUMNS_2015 = 9, 10
_VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".ts", ".webm")


@dataclass(frozen=True, slots=True)
class _Info:
    """Content of seqinfo.ini; width and height in pixels, rate in frames per second."""

    name: str
    frames: int
    width: int
    height: int
    folder: str
    suffix: str
    rate: float


def sequences(folder: Path) -> list[Path]:
    """Folders of the sequences: the given folder, or its subfolders."""
    if (folder / "seqinfo.ini").is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob("*/seqinfo.ini"))


def read(folders: list[Path], joined: Path | None = None) -> Dataset:
    """Read the sequences as one dataset. joined: a folder for videos of the sequences that are pictures, so that each
    is one source; None where each picture is one. Raises DatasetError with file and line."""
    sources: list[Source] = []
    truths: list[Truth] = []
    for folder in folders:
        info = _info(folder / "seqinfo.ini")
        begin = sum(len(source.images) for source in sources) + 1
        images = [
            Image(begin + number, f"{info.name}/{number + 1:06d}", info.width, info.height)
            for number in range(info.frames)
        ]
        found = _sources(folder, info, images)
        if joined is not None and len(found) > 1:
            found = [_joined(joined / f"{len(sources)}.avi", found, info)]
        sources += found
        truths += _truths(folder / "gt/gt.txt", info, images)
    return Dataset("MOT", (PERSON,), tuple(sources), tuple(truths))


def _info(path: Path) -> _Info:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
        section = parser["Sequence"]
        lengths = {name: section.getint(name) for name in ("seqLength", "imWidth", "imHeight")}
        rate = section.getfloat("frameRate", 25)
    except KeyError as error:
        raise DatasetError(f"{path}: there is no section [Sequence]") from error
    except (configparser.Error, ValueError, OSError) as error:
        raise DatasetError(f"{path}: {' '.join(str(error).split())}") from error
    wrong = [name for name, value in lengths.items() if value is None or value < 1]
    if wrong:
        raise DatasetError(f"{path}: {' and '.join(wrong)} must be set, and at least 1")
    if not 0.1 <= rate <= 1000:
        raise DatasetError(f"{path}: frameRate is {rate}, and must be from 0.1 to 1000")
    frames, width, height = (value or 0 for value in lengths.values())
    name = section.get("name", path.parent.name)
    return _Info(name, frames, width, height, section.get("imDir", "img1"), section.get("imExt", ".jpg"), rate)


def _sources(folder: Path, info: _Info, images: list[Image]) -> list[Source]:
    """The frames as image files; without them, the only video of the folder."""
    stills = folder / info.folder
    if stills.is_dir():
        paths = [stills / f"{number + 1:06d}{info.suffix}" for number in range(info.frames)]
        for path in paths:
            if not path.is_file():
                raise DatasetError(f"{folder / 'seqinfo.ini'}: seqLength is {info.frames}, but there is no {path}")
        return [Source(path, (image,), 1) for path, image in zip(paths, images, strict=True)]
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in _VIDEOS)
    if len(videos) != 1:
        found = f"{len(videos)} videos" if videos else "no video"
        raise DatasetError(f"{folder} has neither the folder {info.folder} nor one video: {found}")
    return [Source(videos[0], tuple(images), info.frames)]


def _joined(path: Path, pictures: list[Source], info: _Info) -> Source:
    """The pictures of a sequence as one video."""
    motion_jpeg.write(path, [source.path for source in pictures], info.rate, info.width, info.height)
    return Source(path, tuple(image for source in pictures for image in source.images), info.frames)


def _truths(path: Path, info: _Info, images: list[Image]) -> Iterator[Truth]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DatasetError(
            f"there is no {path}: MOTChallenge's test sequences come without; take train ones"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            frame, box, crowd, track = _row(line, info)
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: {error}") from error
        if box is not None:
            yield Truth(images[frame - 1].id, PERSON.id, box, box[2] * box[3], crowd, track)


def _row(line: str, info: _Info) -> tuple[int, Box | None, bool, int]:
    """Frame, box, whether to ignore it, and its id; box None for unused lines. Raises ValueError."""
    columns = line.split(",")
    if len(columns) not in (_COLUMNS, _COLUMNS_2015):
        raise ValueError(f"has {len(columns)} columns, not {_COLUMNS} (or the {_COLUMNS_2015} of 2015)")
    numbers = [float(column) for column in columns]
    if not all(map(isfinite, numbers)):
        raise ValueError("has a number that is not finite")
    frame, kind = int(numbers[0]), int(numbers[7]) if len(columns) == _COLUMNS else _PEDESTRIAN
    if frame != numbers[0] or not 1 <= frame <= info.frames:
        raise ValueError(f"frame {columns[0]} is not one of 1 to {info.frames}, the seqLength")
    if numbers[4] < 0 or numbers[5] < 0:
        raise ValueError(f"the box is {columns[4]} wide and {columns[5]} high")
    if kind != _PEDESTRIAN and kind not in _LOOK_ALIKE:
        return frame, None, False, 0
    return frame, _clipped(numbers[2:6], info), kind != _PEDESTRIAN or numbers[6] == 0, int(numbers[1])


def _clipped(box: list[float], info: _Info) -> Box | None:
    """Clip a box to the frame, as the service does; None when nothing is left."""
    left, top = box[0] - 1, box[1] - 1
    x1, y1 = max(left, 0.0), max(top, 0.0)
    x2, y2 = min(left + box[2], float(info.width)), min(top + box[3], float(info.height))
    return (x1, y1, x2 - x1, y2 - y1) if x2 > x1 and y2 > y1 else None
