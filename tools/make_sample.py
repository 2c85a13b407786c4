"""Make the sample clip from photographs that scikit-image ships, all CC0 or public domain.

    python tools/make_sample.py OUTPUT.mp4

Writes the clip, and next to it OUTPUT.json with the object of each scene and its box in every
frame. Each photograph is moved and zoomed by known transformations, so the box of its object,
drawn once by hand in photo pixels, is known in each frame.

Other versions of FFmpeg or x264 may produce other bytes, so the clip is kept as a file, with its
sha256 in the JSON.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

WIDTH, HEIGHT, FPS, KEYFRAME_EVERY = 480, 360, 25, 12
BACKGROUND = (128, 128, 128)

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels
Pixels = NDArray[np.uint8]  # [height, width, 3], RGB


@dataclass(frozen=True)
class View:
    """Position and scale of a photograph in the frame."""

    zoom: float  # height of the photograph / height of the frame
    x: float  # point of the photograph at the frame's centre, as a share of its width
    y: float  # and of its height

    def towards(self, other: "View", share: float) -> "View":
        """Return the view between this one (share 0) and the other (share 1)."""
        return View(
            self.zoom + (other.zoom - self.zoom) * share,
            self.x + (other.x - self.x) * share,
            self.y + (other.y - self.y) * share,
        )


@dataclass(frozen=True)
class Scene:
    """A photograph that moves from one view to another; without a label it has no object."""

    photo: str  # a function of skimage.data
    label: str | None
    box: Box | None  # the object in photo pixels, drawn by hand
    frames: int
    start: View
    end: View


# The views were chosen from about a hundred per photograph, among those with the highest scores of
# the default model. It detects a person instead of the cat when she fills the frame, and a toilet
# instead of the cup when the margin is large. Lengths are not multiples of the keyframe interval,
# so that cuts fall between keyframes, as in real videos.
SCENES = (
    Scene("astronaut", "person", (20, 14, 362, 512), 40, View(1.34, 0.43, 0.39), View(1.234, 0.336, 0.299)),
    Scene("chelsea", "cat", (0, 0, 385, 300), 40, View(0.51, 0.36, 0.70), View(0.521, 0.222, 0.764)),
    Scene("grass", None, None, 12, View(1.5, 0.5, 0.45), View(1.5, 0.5, 0.55)),
    Scene("coffee", "cup", (172, 18, 404, 310), 40, View(0.99, 0.48, 0.30), View(1.032, 0.383, 0.299)),
    Scene("camera", "person", (0, 64, 333, 512), 40, View(1.16, 0.27, 0.49), View(1.286, 0.371, 0.413)),
    Scene("horse", "horse", (18, 10, 391, 314), 40, View(0.69, 0.28, 0.34), View(0.60, 0.158, 0.35)),
)


def load_photo(name: str) -> Image.Image:
    """Return a photograph of scikit-image as RGB."""
    pixels = getattr(data, name)()
    if pixels.dtype == bool:  # the horse is a mask
        pixels = pixels.astype(np.uint8) * 255
    return Image.fromarray(pixels).convert("RGB")


def scale_of(view: View, photo_height: int) -> float:
    """Return frame pixels per photo pixel."""
    return view.zoom * HEIGHT / photo_height


def draw(photo: Image.Image, view: View) -> Pixels:
    """Return the frame [360, 480, 3], RGB; what the photograph does not cover is grey."""
    step = 1 / scale_of(view, photo.height)
    left, top = view.x * photo.width - WIDTH / 2 * step, view.y * photo.height - HEIGHT / 2 * step
    frame = photo.transform(
        (WIDTH, HEIGHT),
        Image.Transform.AFFINE,
        (step, 0, left, 0, step, top),
        resample=Image.Resampling.BICUBIC,
        fillcolor=BACKGROUND,
    )
    return np.asarray(frame)


def place(box: Box, photo_size: tuple[int, int], view: View) -> list[float]:
    """Convert a box from photo pixels to frame pixels, clipped to the frame, with one decimal."""
    width, height = photo_size
    scale = scale_of(view, height)
    x1, x2 = ((x - view.x * width) * scale + WIDTH / 2 for x in box[0::2])
    y1, y2 = ((y - view.y * height) * scale + HEIGHT / 2 for y in box[1::2])
    return [round(v, 1) for v in (max(x1, 0), max(y1, 0), min(x2, WIDTH), min(y2, HEIGHT))]


def views(scene: Scene) -> Iterator[View]:
    """Yield the view of each frame, at even steps from the first to the last."""
    for index in range(scene.frames):
        yield scene.start.towards(scene.end, index / (scene.frames - 1))


def describe(scene: Scene, first_frame: int, photo_size: tuple[int, int]) -> dict[str, Any]:
    """Return a scene's entry in the JSON: `boxes` has one box for each frame, in order."""
    boxes = [] if scene.box is None else [place(scene.box, photo_size, view) for view in views(scene)]
    return {
        "photo": scene.photo,
        "label": scene.label,
        "first_frame": first_frame,
        "last_frame": first_frame + scene.frames - 1,
        "boxes": boxes,
    }


def write_clip(path: Path, frames: Iterator[Pixels]) -> None:
    """Encode as H.264 (yuv420p) with a keyframe every 12 frames, regardless of cuts, in one thread."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {
            "crf": "20",
            "preset": "slow",
            "threads": "1",
            "x264-params": f"keyint={KEYFRAME_EVERY}:min-keyint={KEYFRAME_EVERY}:scenecut=0",
        }
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path, help="mp4 file to write; the JSON goes beside it")
    output = parser.parse_args().output

    photos = {scene.photo: load_photo(scene.photo) for scene in SCENES}
    write_clip(output, (draw(photos[scene.photo], view) for scene in SCENES for view in views(scene)))

    scenes, count = [], 0
    for scene in SCENES:
        scenes.append(describe(scene, count, photos[scene.photo].size))
        count += scene.frames
    truth = {
        "file": output.name,
        "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
        "width": WIDTH,
        "height": HEIGHT,
        "frames": count,
        "fps": FPS,
        "scenes": scenes,
    }
    output.with_suffix(".json").write_text(json.dumps(truth) + "\n")
    print(f"{output}: {count} frames, {output.stat().st_size} bytes, sha256 {truth['sha256']}")


if __name__ == "__main__":
    main()
