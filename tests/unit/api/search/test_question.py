"""What a search asks for, and what of it is refused."""

import pytest
from starlette.datastructures import QueryParams

from api.search.place import Place, format_cursor, parse_cursor
from api.search.question import Question, polygons_of, question_of
from contracts.errors import InvalidCursor, InvalidInput


def asked(query: str) -> Question:
    return question_of(QueryParams(query))


def test_nothing_named_asks_for_everything() -> None:
    assert asked("") == Question()
    assert not Question().dated


def test_the_order_of_labels_and_days_does_not_matter() -> None:
    one, other = asked("label=b&label=a&weekday=sun&weekday=mon"), asked("label=a&weekday=mon&label=b&weekday=sun")
    assert one.digest() == other.digest()
    assert one.digest() != asked("label=a&label=b&weekday=mon").digest()


def test_times_without_an_offset_are_of_the_zone() -> None:
    assert asked("from=2026-07-01T10:00&time_zone=Europe/Berlin").start == asked("from=2026-07-01T08:00Z").start
    assert asked("from=2026-07-01T10:00+02:00").start == asked("from=2026-07-01T08:00Z").start
    assert asked("to=2026-07-01&time_zone=Europe/Berlin").end == asked("to=2026-06-30T22:00:00Z").end


def test_a_stream_is_a_source() -> None:
    assert asked("stream=7").source == "stream:7"


@pytest.mark.parametrize(
    ("way", "expected"),
    [("n", ((0, 45), (315, 359))), ("e", ((45, 135),)), ("350", ((305, 359), (0, 35))), ("315", ((270, 359), (0, 0)))],
)
def test_a_direction_has_both_sides(way: str, expected: tuple[tuple[int, int], ...]) -> None:
    assert asked(f"direction={way}").headings == expected


def test_a_polygon_is_in_steps_of_the_frame() -> None:
    assert asked("polygon=0,0.5,1,0.5,0.25,1").polygons == (((0, 5000), (10_000, 5000), (2500, 10_000)),)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=2026-01-02T00:00Z&to=2026-01-01T00:00Z", "must come before"),
        ("from=yesterday at noon", "write a time like"),
        ("time_zone=Middle-earth", "name of a time zone"),
        ("time_zone=../../etc/passwd", "name of a time zone"),
        ("hour_from=25", "time of the day"),
        ("hour_from=24:30", "time of the day"),
        ("hour_to=noon", "time of the day"),
        ("hour_from=8&hour_to=8", "nothing is between"),
        ("polygon=0,0,1,0,1,1,0", "x and y of each corner"),
        ("polygon=0,0,1,1,1,0,0,1", "crosses itself"),
        ("polygon=0,0,0.5,0.5,1,1", "has no area"),
        ("polygon=0,0,1,0,1,nan", "leaves the frame"),
        ("polygon=0,0,1,1", "has 2 points"),
        ("polygon=" + ",".join(["0.5"] * 202), "100 at most"),
        ("direction=upwards", "0 to 359"),
        ("direction=360", "0 to 359"),
        ("label=a%00b", "control characters"),
        ("zone=gate", "without its scene"),
        ("source=door&stream=7", "give one of them"),
        ("min_score=nan", "give a number"),
        ("min_seconds=nan", "give a number"),
    ],
)
def test_what_means_nothing_is_refused_with_what_to_do(query: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        asked(query)


def test_a_scene_and_a_polygon_are_too_much() -> None:
    with pytest.raises(InvalidInput, match="give one of them"):
        question_of(QueryParams("polygon=0,0,1,0,1,1"), [((0, 0), (1, 0), (1, 1))])


ZONES = [
    {"name": "gate", "polygon": [[0.0, 0.0], [1.0, 0.0], [0.25, 1.0]]},
    {"name": "yard", "polygon": [[0.5, 0.0], [1.0, 0.0], [0.25, 1.0]]},
]


def test_the_zones_of_a_scene_are_polygons() -> None:
    gate, yard = polygons_of(ZONES, [])
    assert gate == ((0, 0), (10_000, 0), (2500, 10_000))
    assert polygons_of(ZONES, ["yard", "yard"]) == [yard]
    with pytest.raises(InvalidInput, match=r"no zone 'door': it has gate, yard"):
        polygons_of(ZONES, ["gate", "door"])
    with pytest.raises(InvalidInput, match="draw one"):
        polygons_of([], [])


def test_a_cursor_is_of_its_search_alone() -> None:
    place = Place(9000, -5, "0" * 36, 3)
    cursor = format_cursor(place, "0123456789ab")
    assert parse_cursor(cursor, "0123456789ab") == place
    for wrong in (f"{cursor}0", "", "0123456789ab.1.2.3"):
        with pytest.raises(InvalidCursor):
            parse_cursor(wrong, "ba9876543210")
    with pytest.raises(InvalidCursor, match="another search"):
        parse_cursor(cursor, "ba9876543210")
