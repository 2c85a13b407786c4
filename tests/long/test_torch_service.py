"""A whole job with Detectron2: embedded mode, its detectors in the environment of that engine, over HTTP."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from contracts.models.catalogue import write_entry
from detector import masks_rle
from tests.long.test_torch_engines import plain
from tests.support.deployments.modes import EmbeddedMode
from tests.support.models import torch_models
from tests.support.models.torch_models import MASK, SIDES, noise
from tests.support.videos.clips import clip

pytestmark = pytest.mark.detectron2

WIDTH, HEIGHT = SIDES  # of the frame as it is displayed, on its side, so that nothing is scaled
REGION = [0.25, 0.25, 1.0, 0.75]


def turned() -> bytes:
    """A clip that a player turns by a quarter."""
    return clip(size=(HEIGHT, WIDTH), clockwise=90, images=noise(8, (HEIGHT, WIDTH))).content


def shown(content: bytes) -> list[np.ndarray[Any, Any]]:
    """Its frames as they are displayed, in BGR."""
    with av.open(io.BytesIO(content), "r") as container:
        return [
            np.ascontiguousarray(np.rot90(frame.to_ndarray(format="bgr24", interpolation="BILINEAR"), -1))
            for frame in container.decode(video=0)
        ]


def own_python(folder: Path) -> Path:
    """This Python, and a note of each process that it was started for."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\necho "$*" >> {folder}/started\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return path


def test_a_job_gives_the_masks_that_it_asks_for(tmp_path: Path) -> None:
    models, video = tmp_path / "models", tmp_path / "turned.mp4"
    models.mkdir()
    model = MASK.model(torch_models.write(MASK, models / "mask.pkl"))
    (models / f"{model.id}.json").write_bytes(write_entry(model))
    content = turned()
    video.write_bytes(content)
    settings = {"MODELS_DIR": models, "DETECTOR_PYTHON": own_python(tmp_path), "DETECTOR_WORKERS": 1}
    with EmbeddedMode().run(tmp_path, **settings) as service:
        client = service.client()
        uploaded = client.upload(video)
        assert (uploaded["media"]["width"], uploaded["media"]["height"]) == (WIDTH, HEIGHT)
        jobs = [
            client.start(uploaded, model=model.id, options={"every_n": 4, "min_score": 0.6, **options})
            for options in ({}, {"masks": True}, {"masks": True, "region": REGION})
        ]
        ended = [client.wait(job) for job in jobs]
        assert [job["state"] for job in ended] == ["succeeded"] * 3, ended
        without, whole, part = (client.frames(job) for job in ended)
        assert [json.loads(line) for line in client.lines(ended[1]).splitlines()] == whole
    started = (tmp_path / "started").read_text()
    assert "detector.worker" in started
    assert "gunicorn" not in started

    check_whole(whole, plain(MASK, shown(content)[::4]))
    check_region(part)
    # The same objects, whether or not their masks are asked for.
    for frame in whole:
        for item in frame["detections"]:
            del item["mask"]
    assert whole == without


def check_whole(frames: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Boxes and masks are those of the displayed frame, as the library alone gives them."""
    assert len(frames) == len(expected) == 2
    for frame, plainly in zip(frames, expected, strict=True):
        wanted = [
            number
            for number, (score, label) in enumerate(zip(plainly["scores"], plainly["labels"], strict=True))
            if score >= 0.6 and torch_models.LABELS[label]
        ]
        assert len(frame["detections"]) == len(wanted) > 3
        for item, number in zip(frame["detections"], wanted, strict=True):
            assert item["score"] == pytest.approx(plainly["scores"][number], abs=2e-3)
            assert item["box"] == pytest.approx(plainly["boxes"][number], abs=0.1)
            assert item["mask"]["size"] == [HEIGHT, WIDTH]
            bits = masks_rle.decode(item["mask"]["counts"].encode(), (WIDTH, HEIGHT))
            assert np.count_nonzero(bits != plainly["masks"][number]) < 0.01 * bits.size


def check_region(frames: list[dict[str, Any]]) -> None:
    """What is found in a region has a mask of the whole frame, empty outside."""
    x1, y1, x2, y2 = (int(part * side) for part, side in zip(REGION, (WIDTH, HEIGHT) * 2, strict=True))
    masks = [item["mask"] for frame in frames for item in frame["detections"]]
    assert len(masks) > 3
    assert all(mask["size"] == [HEIGHT, WIDTH] for mask in masks)
    union = np.any([masks_rle.decode(mask["counts"].encode(), (WIDTH, HEIGHT)) for mask in masks], axis=0)
    assert union[y1:y2, x1:x2].any()
    union[y1:y2, x1:x2] = False
    assert not union.any()
