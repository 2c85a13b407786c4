"""docs/detection/models.md: its lines do what they say, and its tables name what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.models import catalogue
from contracts.models.catalogue import HeadOptions, Model
from detector.heads import HEADS
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT
from tests.support.models import onnx_models
from tests.support.videos.clips import clip

TEXT = (ROOT / "docs/detection/models.md").read_text()


def block(name: str) -> str:
    (found,) = re.findall(rf"<!-- {name} -->\n```(?:sh|json)\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_documented_commands_add_and_run_a_model(tmp_path: Path) -> None:
    red = onnx_models.square("pad", 4, 2)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "labels.txt").write_text("red\nblue\n")
    (tmp_path / "video.mp4").write_bytes(
        clip(size=(480, 360), frames=12, images=[onnx_models.frame(("red", red))] * 12).content
    )
    onnx_models.yolox(tmp_path / "my-yolox.onnx")
    with EmbeddedMode().run(tmp_path) as service:
        client = service.client("dora")
        environ = {
            "PATH": "/usr/bin:/bin",
            "DATA_DIR": str(tmp_path / "data"),
            "WEB_DETECTOR_URL": service.url,
            "WEB_DETECTOR_USER": client.username,
            "WEB_DETECTOR_PASSWORD": client.password,
            "AUTH": f"Authorization: Bearer {client.tokens['access_token']}",
        }

        def run(name: str) -> str:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block(f"executed: {name}")],
                cwd=tmp_path,
                env=environ,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        said = run("add")
        shown = re.findall(r"^```\n(my-yolox.onnx: .*?)^tried with", TEXT, re.DOTALL | re.MULTILINE)
        assert shown[0] in said  # what the page shows is what is said
        assert re.search(r"^my-yolox +installed", said, re.MULTILINE)
        run("detect")
        frames = [json.loads(line) for line in (tmp_path / "boxes.ndjson").read_text().splitlines()]
        assert len(frames) == 12
        for frame in frames:
            (found,) = frame["detections"]
            assert found["label"] == "red"
            assert found["box"] == pytest.approx(red, abs=0.5)
        job = json.loads(run("curl"))
        assert job["model"] == "my-yolox"
        assert client.wait(job)["state"] == "succeeded"


def test_documented_entry_is_valid_and_every_field_is_explained() -> None:
    model = catalogue.entry(json.loads(block("entry")))
    assert (model.id, model.head) == ("my-yolox", "yolox")
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE))))
    assert set(Model.__struct_fields__) <= explained
    assert all(f"`{name}`" in TEXT for name in HeadOptions.__struct_fields__)
    assert all(f"| `{name}` |" in TEXT for name in HEADS)
