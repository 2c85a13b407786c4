"""`web-detector models` in this process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from detector.models_command.__main__ import main


@dataclass
class Command:
    """models: its folder. out and err are what it said last."""

    models: Path
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def __call__(self, *arguments: object) -> int:
        status = main([str(argument) for argument in arguments])
        self.out, self.err = self.capture.readouterr()
        return status

    def entry(self, model_id: str) -> Any:
        return json.loads((self.models / f"{model_id}.json").read_text())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.models.iterdir()) if self.models.exists() else []
