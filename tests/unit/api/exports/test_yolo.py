"""The YOLO export by the rules of Ultralytics' loader, and its archive by the standard library's reader."""

import io
import zipfile
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
import yaml

from api.results.exports import zip_stream
from api.results.exports.zip_stream import ZipStream
from tests.support.results.example_results import Made, block, header
from tests.support.results.exporting import exported
from tests.support.results.tracked_results import tracked


def opened(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_each_frame_with_objects_has_its_labels_and_its_tracks() -> None:
    files = opened(
        exported(tracked([(0, 0, [(0, 9000, 1), (3, 8000, 0)]), (1, 40, []), (7, 280, [(0, 500, 1)])]), "yolo")
    )
    assert list(files) == [
        "data.yaml",
        *("labels/train/00000000.txt", "tracks/00000000.txt", "labels/train/00000007.txt", "tracks/00000007.txt"),
    ]
    described = yaml.safe_load(files["data.yaml"])
    assert described["names"] == {0: "cat", 1: "dog", 2: "cup"}  # consecutive: the label without a name is not counted
    assert (described["train"], described["val"]) == ("images/train", "images/train")
    rows = [line.split() for line in files["labels/train/00000000.txt"].splitlines()]
    assert [row[0] for row in rows] == ["0", "2"]
    assert [float(value) for value in rows[0][1:]] == pytest.approx([5 / 64, 7.875 / 48, 10 / 64, 15.25 / 48], abs=1e-6)
    assert files["tracks/00000000.txt"].splitlines() == [
        " ".join([*rows[0], "0.9000 1"]),
        " ".join([*rows[1], "0.8000"]),
    ]


def test_a_job_without_tracks_has_labels_alone() -> None:
    made = Made(header(), (0,), [block([(0, 0, [(0, 5000)])])])
    assert list(opened(exported(made, "yolo"))) == ["data.yaml", "labels/train/00000000.txt"]


def test_a_box_beyond_the_frame_ends_at_its_edge() -> None:
    made = Made(header(), (0,), [block([(0, 0, [(0, 5000)])])])
    made.segments[0].box[0] = [-500, 100, 9_000_000, 2000]  # type: ignore[union-attr]
    line = opened(exported(made, "yolo"))["labels/train/00000000.txt"].split()
    assert [float(value) for value in line[1:]] == pytest.approx([0.5, 10.5 / 48, 1, 19 / 48], abs=1e-6)


def test_any_label_can_be_read_from_the_description() -> None:
    labels = ('a: "b" #c', "true", "\x80\x7f\u2028ü😀", "\n")
    made = Made(msgspec.structs.replace(header(), labels=labels), (0,), [block([])])
    assert list(yaml.safe_load(opened(exported(made, "yolo"))["data.yaml"])["names"].values()) == list(labels)


def archived(archive: ZipStream) -> bytes:
    parts = [archive.add(f"{number}.txt", b"text " * number) for number in range(5)]
    return b"".join([*parts, *archive.end()])


def test_an_archive_of_very_many_files_can_be_read() -> None:
    with patch.object(zip_stream, "_MOST_ENTRIES", 3):
        content = archived(ZipStream())
    assert b"PK\x06\x06" in content
    assert opened(content) == {f"{number}.txt": "text " * number for number in range(5)}


def test_an_archive_of_more_than_4_gib_can_be_read(tmp_path: Path) -> None:
    archive = ZipStream()
    archive._offset = start = 5 << 30
    with (tmp_path / "large.zip").open("wb") as file:  # a hole in place of the files before
        file.seek(start)
        file.write(archived(archive))
    with zipfile.ZipFile(tmp_path / "large.zip") as opened_file:
        assert opened_file.testzip() is None
        assert opened_file.infolist()[0].header_offset == start


def test_equal_contents_are_equal_bytes() -> None:
    assert archived(ZipStream()) == archived(ZipStream())
