"""`web-detector` itself: its help, unknown commands, and lists in terminals and pipes."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from cli.client.report import Report
from cli.main import main
from cli.operator_commands import COMMANDS

ID = "ac3c94c7-5ef3-4a5e-a9db-7d40b740a8e4"
HEADS = ("id", "name", "reason", ":dropped")


def test_the_help_lists_all_commands_by_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    places = [said.index(f"\n  {name} ") for name in ("up", "detect", "search", *COMMANDS)]
    assert places == sorted(places)


def test_without_a_command_the_help_is_shown_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "  detect " in capsys.readouterr().err


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["detekt", "video.mp4"])
    assert ended.value.code == 2
    assert "there is no command 'detekt'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("admin", "--help"), ("users", "add", "-h")])
def test_help_of_an_operator_command_needs_no_service(words: tuple[str, ...], tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}
    command = [sys.executable, "-m", "cli.main", *words]
    ended = subprocess.run(command, env=environ | {"DATA_DIR": str(tmp_path)}, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("usage: web-detector " + words[0])


@pytest.mark.parametrize(("terminal", "width"), [(True, 60), (False, 60), (False, 200)])
def test_a_row_of_a_pipe_or_a_narrow_terminal_is_one_line(terminal: bool, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    Report(console).table(HEADS, [(ID, "[door] of a long name", "", "7"), (ID, "yard", "", "1234")], "none")
    assert isinstance(console.file, io.StringIO)
    head, door, yard = (line.split() for line in console.file.getvalue().splitlines())
    assert head == ["id", "name", "dropped"]  # no reasons, no column
    assert door == [ID, "[door]", "of", "a", "long", "name", "7"]
    assert yard == [ID, "yard", "1234"]


def test_a_wide_terminal_has_a_table_and_an_empty_list_says_so() -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    report = Report(console)
    report.table(HEADS, [(ID, "door", "lost", "7")], "no streams")
    report.table(HEADS, [], "no streams")
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert f"│ {ID} │ door │ lost   │       7 │" in lines
    assert lines[-1] == "no streams"
