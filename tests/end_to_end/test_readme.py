"""The README's lines do what they say."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.deployments.service import ROOT, Client, Service


def test_curl_commands_of_the_readme_work(service: Service, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    (script,) = re.findall(r"<!-- executed: curl -->\n```sh\n(.*?)```", text, re.DOTALL)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "WEB_DETECTOR_URL": service.url},
        capture_output=True,
        text=True,
        timeout=600,  # it is the script that waits, for as long as the job runs; this only ends a test that hangs
        check=False,
    )
    assert done.returncode == 0, done.stderr
    decoder = json.JSONDecoder()
    summary, end = decoder.raw_decode(done.stdout)
    page, _ = decoder.raw_decode(done.stdout[end:].lstrip())
    assert {"person", "cat", "cup"} <= set(summary["labels"])
    assert len(page["frames"]) == 10
    assert all(item["label"] == "cat" for frame in page["frames"] for item in frame["detections"])
    lines = (tmp_path / "results.ndjson").read_text().splitlines()
    assert len(lines) == summary["frames"]


def test_example_frame_of_the_readme_has_the_fields_of_a_real_one(done: tuple[Client, dict[str, Any]]) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    client, job = done
    real = next(frame for frame in client.frames(job) if frame["detections"])
    shown = json.loads(example)
    assert shown.keys() == real.keys()
    assert shown["detections"][0].keys() == real["detections"][0].keys()
