"""`web-detector import` where single files cannot be read or are refused, with a service that notes what it gets."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.client import import_command
from cli.client.import_places import Entry, Folder
from cli.main import main
from web_detector import ServiceError
from web_detector.types import Model


class Service:
    """Notes the names of what is uploaded. refusals: statuses of the next answers to the upload of a name, or their
    codes. tries: how often each was uploaded."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.refusals: dict[str, list[int | str | None]] = {}
        self.tries: Counter[str] = Counter()

    def videos(self) -> Iterator[SimpleNamespace]:
        return iter(())

    def models(self) -> list[Model]:
        return [Model(id="tiny", labels=("cat",), default=True)]

    def upload(self, _path: Path, *, name: str, **_: Any) -> SimpleNamespace:
        self.tries[name] += 1
        if waiting := self.refusals.get(name):
            said = waiting.pop(0)
            raise ServiceError(f"refused {said}", 413, said) if isinstance(said, str) else ServiceError("refused", said)
        self.given.append(name)
        return SimpleNamespace(id=name)

    def close(self) -> None: ...


class Locked(Folder):
    """A folder whose file locked.mp4 may not be read: tests run as root, which may read everything."""

    locked = True

    def entries(self) -> Iterator[Entry]:
        for entry in super().entries():
            yield replace(entry, file=self._refuse) if self.locked and entry.name == "locked.mp4" else entry

    def _refuse(self) -> AbstractContextManager[Path]:
        raise PermissionError(13, "Permission denied", "locked.mp4")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    monkeypatch.setattr(import_command, "Client", lambda *_, **__: made)
    for name in ("URL", "USER", "PASSWORD"):
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", "x")
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Locked:
    for name in ("first", "locked", "second"):
        (tmp_path / f"{name}.mp4").write_text(name)
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    made = Locked(tmp_path)
    monkeypatch.setattr(import_command, "place", lambda *_: made)
    return made


def test_they_are_named_at_the_end_and_stop_nothing(
    folder: Locked, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(folder), "--no-detect"]) == 1
    assert service.given == ["first.mp4", "second.mp4"]
    output = capsys.readouterr().out
    assert "2 imported, 0 were there already, 2 refused" in output
    assert f"{folder}/locked.mp4: Permission denied\n" in output
    assert f"{folder}/loop.mp4: Too many levels of symbolic links\n" in output


def test_while_watching_they_are_named_once_and_taken_when_they_can_be_read(
    folder: Locked, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[str]] = []

    def step(_seconds: float) -> None:
        seen.append(list(service.given))
        if len(seen) == 2:
            Path(str(folder), "third.mp4").write_text("new")
        if len(seen) == 4:
            folder.locked = False
        if len(seen) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_command, "_pause", step)
    assert main(["import", str(folder), "--no-detect", "--watch"]) == 130
    two = ["first.mp4", "second.mp4"]
    assert seen == [[], two, two, [*two, "third.mp4"], *[[*two, "third.mp4", "locked.mp4"]] * 2]
    output = capsys.readouterr().out
    during, end = output.split("4 imported, 0 were there already, 1 refused\n")
    assert during.count("locked.mp4: Permission denied") == during.count("loop.mp4: Too many levels") == 1
    assert ("locked.mp4" in end, end.count("loop.mp4: Too many levels")) == (False, 1), "one could be read by then"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 429, 503, None])
def test_a_refusal_stops_the_import_where_it_concerns_the_next_file_too(
    folder: Locked, service: Service, status: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    service.refusals["first.mp4"] = [status]
    goes_on = status in (400, 404, 409)
    assert main(["import", str(folder), "--no-detect"]) == 1
    assert service.given == (["second.mp4"] if goes_on else [])
    assert (f"{folder}/first.mp4: refused" in capsys.readouterr().out) is goes_on


def test_while_watching_a_refused_file_is_tried_again_where_its_video_was_deleted(
    folder: Locked, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.refusals = {"first.mp4": [404], "second.mp4": [409]}
    turns: list[float] = []

    def step(seconds: float) -> None:
        turns.append(seconds)
        if len(turns) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_command, "_pause", step)
    assert main(["import", str(folder), "--no-detect", "--watch"]) == 130
    assert service.given == ["first.mp4"]


@pytest.mark.parametrize("options", [("--labels", "cat,typo"), ("--model", "huge"), ("--min-score", "0")])
def test_what_every_job_would_be_refused_for_is_said_before_the_first_upload(
    folder: Locked, service: Service, capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    assert main(["import", str(folder), *options]) == 1
    assert service.given == []
    assert "web-detector: " in capsys.readouterr().err


@pytest.mark.parametrize("status", [429, 507, None])
def test_an_import_that_is_ended_says_what_became_of_the_files_before(
    folder: Locked, service: Service, status: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    service.refusals["second.mp4"] = [status]
    assert main(["import", str(folder), "--no-detect"]) == 1
    said = capsys.readouterr()
    assert "1 imported, 0 were there already, 2 refused" in said.out
    assert f"{folder}/locked.mp4: Permission denied\n" in said.out
    assert said.err == "web-detector: refused\n"


def looking(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """A watching import looks so often."""
    pauses: list[float] = []

    def step(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == looks:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_command, "_pause", step)


def test_while_watching_what_there_is_no_room_for_is_tried_less_and_less_often_until_there_is(
    folder: Locked, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service.refusals = {"first.mp4": ["storage_used_up"] * 5, "second.mp4": ["upload_too_large"] * 5}
    looking(monkeypatch, 34)
    assert main(["import", str(folder), "--no-detect", "--watch"]) == 130
    assert service.tries == {"first.mp4": 6, "second.mp4": 1}, "the first at the looks 2, 3, 5, 9, 17 and 33"
    assert service.given == ["first.mp4"]
    during, end = capsys.readouterr().out.split("1 imported, 0 were there already, 3 refused\n")
    for reason in ("first.mp4: refused storage_used_up", "second.mp4: refused upload_too_large"):
        assert during.count(reason) == 1, "said once"
    assert ("first.mp4" in end, end.count("second.mp4: refused upload_too_large")) == (False, 1)


def test_while_watching_what_keeps_all_files_waiting_is_said_once(
    folder: Locked, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service.refusals["first.mp4"] = [503, 503, 503, 429]
    looking(monkeypatch, 6)
    assert main(["import", str(folder), "--no-detect", "--watch"]) == 130
    assert service.given == ["first.mp4", "second.mp4"]
    assert capsys.readouterr().out.count("warning: refused\n") == 1


def test_while_watching_what_is_gone_is_counted_and_forgotten(
    folder: Locked, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_command, "_MORE_KNOWN", 3)
    runs: list[Any] = []

    class Noted(import_command._Import):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            runs.append(self)

    monkeypatch.setattr(import_command, "_Import", Noted)
    looks, sizes = 0, set[int]()

    def step(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 40:
            raise KeyboardInterrupt
        count = runs[0]._count
        sizes.update((len(count.imported), len(runs[0]._later.pauses), len(runs[0]._known)))
        Path(str(folder), f"{looks}.mp4").write_text(str(looks))
        Path(str(folder), f"{looks - 3}.mp4").unlink(missing_ok=True)

    service.refusals = {f"{number}.mp4": ["storage_used_up"] for number in range(1, 40, 2)}
    monkeypatch.setattr(import_command, "_pause", step)
    assert main(["import", str(folder), "--no-detect", "--watch"]) == 130
    assert max(sizes) <= 6
    assert f"{len(service.given)} imported, 0 were there already, 2 refused\n" in capsys.readouterr().out
    assert len(service.given) > 30
