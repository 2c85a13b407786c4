"""What exporters write beside a graph, in the ways that they write it."""

import pytest

from detector.models_command.onnx_notes import Notes, read


@pytest.mark.parametrize(
    "text",
    [
        "{0: 'a', 1: 'b', 2: 'c'}",
        "{2: 'c', 0: 'a', 1: 'b'}",
        "{'0': 'a', '1': 'b', '2': 'c'}",
        '{"0": "a", "1": "b", "2": "c"}',
        '{"2": "c", "1": "b", "0": "a"}',
        "['a', 'b', 'c']",
        '["a", "b", "c"]',
        "('a', 'b', 'c')",
    ],
)
def test_names_are_read_however_they_are_written(text: str) -> None:
    assert read({"names": text}).names == ("a", "b", "c")


def test_names_of_json_are_unquoted_as_json_is() -> None:
    assert read({"names": '{"0": "caf\\u00e9", "1": "a\\/b"}'}).names == ("café", "a/b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a, b",
        "{1: 'a', 2: 'b'}",
        '{"0": "a", "00": "b"}',
        "{0: 1}",
        '{"a": 0}',
        "[[1]]",
        "3",
        "{0: 'a'",
        "(" * 9999,
    ],
)
def test_names_that_are_no_list_by_number_are_left_out(text: str) -> None:
    assert read({"names": text}) == Notes()


def test_the_input_size_is_height_and_width() -> None:
    assert read({"imgsz": "[480, 640]"}).size == (640, 480)
    assert read({"imgsz": "640"}).size == (640, 640)
    for text in ("", "[640]", "[0, 640]", "640x640", "[None, 640]"):
        assert read({"imgsz": text}).size is None


def test_a_graph_that_selects_its_boxes_says_so_in_one_of_three_ways() -> None:
    for notes in ({"end2end": "True"}, {"args": "{'batch': 1, 'nms': True}"}, {"args": '{"end2end": true}'}):
        assert read(notes).final
    for notes in ({}, {"end2end": "False"}, {"args": "{'nms': False}"}, {"args": "[1]"}):
        assert not read(notes).final
    assert read({"task": " Pose "}).task == "pose"
