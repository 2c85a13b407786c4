"""Small datasets with ground truth, made from the sample clip: as COCO and as MOTChallenge write them.

The boxes are those of tools/make_sample.py, shaken, so that no model is right about all of them.
"""

import json
import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import Image

from contracts.models.catalogue import COCO_91

# COCO's own numbers, which are not those of the models; the last is no category of COCO.
CATEGORIES = {number: name for number, name in enumerate(COCO_91) if name} | {99: "lighthouse"}
_NUMBERS = {name: number for number, name in CATEGORIES.items()}
_SHAKE = 0.12


@dataclass(frozen=True)
class Thing:
    """A box x, y, width, height of image number (from 0); crowd: it counts neither way."""

    image: int
    label: str
    box: tuple[float, float, float, float]
    crowd: bool = False


@dataclass(frozen=True)
class Made:
    """A dataset's folder, its images or its video in order, and what is in them."""

    folder: Path
    files: list[Path]
    things: list[Thing]


def shown(truth: dict[str, Any], number: int) -> tuple[str, list[float]] | None:
    """Label and box x1, y1, x2, y2 of what a frame of the sample shows, by the clip's own list."""
    for scene in truth["scenes"]:
        if scene["label"] and scene["first_frame"] <= number <= scene["last_frame"]:
            return scene["label"], scene["boxes"][number - scene["first_frame"]]
    return None


def coco(folder: Path, sample: Path, truth: dict[str, Any], every: int = 12) -> Made:
    """Each frame of so many as a JPEG, every second one of a third of the size; truth as COCO's JSON."""
    rng = random.Random(7)
    target = folder / "pictures/deep"
    target.mkdir(parents=True)
    files: list[Path] = []
    things: list[Thing] = []
    images: list[dict[str, Any]] = []
    for number, picture in _frames(sample, every):
        place, scale = len(files), 1 / 3 if len(files) % 2 else 1
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        files.append(target / f"{number:012d}.jpg")
        picture.save(files[-1], quality=92)
        images.append({"id": 1000 + number, "file_name": files[-1].name, "width": picture.width})
        images[-1]["height"] = picture.height
        if found := shown(truth, number):
            box = _shaken([edge * scale for edge in found[1]], picture.size, rng)
            things.append(Thing(place, found[0], box, crowd=place % 9 == 4))
        if place % 10 == 0:
            things.append(Thing(place, "lighthouse", (1.0, 1.0, 30.0, 40.0)))
    annotations = [
        {
            "id": number,
            "image_id": images[thing.image]["id"],
            "category_id": _NUMBERS[thing.label],
            "bbox": thing.box,
            "area": thing.box[2] * thing.box[3],
            "iscrowd": int(thing.crowd),
        }
        for number, thing in enumerate(things, 1)  # COCOeval takes 0 for "none"
    ]
    categories = [{"id": number, "name": name} for number, name in CATEGORIES.items()]
    content = {"images": images, "annotations": annotations, "categories": categories, "info": {"year": 2026}}
    (folder / "annotations").mkdir()
    (folder / "annotations/instances_things.json").write_text(json.dumps(content))
    return Made(folder, files, things)


def mot(folder: Path, sample: Path, truth: dict[str, Any], *, frames: int, video: bool) -> Made:
    """A sequence of the first frames, as JPEGs or as a video; truth as MOTChallenge's gt.txt."""
    rng = random.Random(11)
    folder.mkdir(parents=True)
    files: list[Path] = []
    things: list[Thing] = []
    lines: list[str] = []
    for number, picture in _frames(sample, 1):
        if number == frames:
            break
        if not video:
            (folder / "img1").mkdir(exist_ok=True)
            files.append(folder / f"img1/{number + 1:06d}.jpg")
            picture.save(files[-1], quality=92)
        if (found := shown(truth, number)) is None:
            continue
        label, edges = found
        x, y, width, height = box = _shaken(edges, picture.size, rng)
        kind = 1 if label == "person" else 3
        flag = int(number % 7 != 3)
        if kind == 1:
            things.append(Thing(number, "person", box, crowd=not flag))
        identity = sum(scene["first_frame"] <= number for scene in truth["scenes"])
        lines.append(f"{number + 1},{identity},{x + 1:.3f},{y + 1:.3f},{width:.3f},{height:.3f},{flag},{kind},1")
    if video:
        files.append(folder / "clip.mkv")
        _first(sample, files[-1], frames)
    (folder / "gt").mkdir()
    (folder / "gt/gt.txt").write_text("\n".join(lines) + "\n")
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate=25\nseqLength={frames}\n"
        f"imWidth={truth['width']}\nimHeight={truth['height']}\nimExt=.jpg\n"
    )
    return Made(folder, files, things)


def _frames(sample: Path, every: int) -> list[tuple[int, Image.Image]]:
    with av.open(str(sample)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [(number, Image.fromarray(frame)) for number, frame in enumerate(frames) if number % every == 0]


def _first(sample: Path, target: Path, frames: int) -> None:
    """The sample's first frames in a file of their own, as they are; it has a keyframe each 12."""
    assert frames % 12 == 0
    with av.open(str(sample)) as source, av.open(str(target), "w") as sink:
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in islice(source.demux(video=0), frames):
            packet.stream = stream
            sink.mux(packet)


def _shaken(edges: list[float], size: tuple[int, int], rng: random.Random) -> tuple[float, float, float, float]:
    """x, y, width, height, 3 decimals, in the picture: the box with its edges moved by a share of its size."""
    x1, y1, x2, y2 = edges
    width, height = x2 - x1, y2 - y1
    x1, x2 = (x + width * rng.uniform(-_SHAKE, _SHAKE) for x in (x1, x2))
    y1, y2 = (y + height * rng.uniform(-_SHAKE, _SHAKE) for y in (y1, y2))
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, size[0]), min(y2, size[1])
    return round(x1, 3), round(y1, 3), round(x2 - x1, 3), round(y2 - y1, 3)
