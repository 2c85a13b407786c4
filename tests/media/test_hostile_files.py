"""Files that are cut, broken or made to do harm, through the probe's bounded process and the plan.

The long form, of ten thousand files and with the decoding of each, is `make fuzz`.
"""

import zlib
from pathlib import Path

import av
import pytest
from msgspec import UNSET

from tests.support.hostile.asking import MEMORY_KIB, Verdict, ask, ask_all, largest_child_kib
from tests.support.hostile.canary import canary
from tests.support.hostile.crafted import CRAFTED, deflated_zeros
from tests.support.hostile.decoding import decoded
from tests.support.hostile.lures import LURES
from tests.support.hostile.mutations import MUTATIONS, mutant, truncations
from tests.support.hostile.seeds import SEEDS, seed

# On every change a few of each; in the long tier more.
PLACES = (2, pytest.param(4, marks=pytest.mark.long))
MUTANTS = (24, pytest.param(96, marks=pytest.mark.long))
# Of a second of processor time or more each: left to the long form.
SLOW = {"deep_png", "texted_png", "profiled_png", "packed_index", "many_tracks", "busy_gif", "endless_gif"}
# What is well enough to be taken.
ACCEPTED = {"growing", "overgrown", "trailing", "before_zero", "leaping"}


def expect_answers(verdicts: list[Verdict]) -> None:
    """Each has a result or a reason, nothing took too long, and nothing more memory than it may."""
    assert [(verdict.name, verdict.fault) for verdict in verdicts if verdict.fault] == []
    assert [verdict.name for verdict in verdicts if "longer than" in (verdict.report.refused or "")] == []
    assert largest_child_kib() < MEMORY_KIB


def test_the_good_files_are_good(tmp_path: Path) -> None:
    verdicts = ask_all([(name, seed(name)) for name in SEEDS], tmp_path)
    expect_answers(verdicts)
    assert [verdict.name for verdict in verdicts if verdict.report.refused] == []


@pytest.mark.parametrize("places", PLACES)
def test_a_file_that_is_cut_anywhere_has_a_result_or_a_reason(tmp_path: Path, places: int) -> None:
    verdicts = ask_all(truncations(places), tmp_path)
    expect_answers(verdicts)
    assert {bool(verdict.report.refused) for verdict in verdicts} == {True, False}


@pytest.mark.parametrize("mutants", MUTANTS)
def test_a_file_that_is_broken_anywhere_has_a_result_or_a_reason(tmp_path: Path, mutants: int) -> None:
    cases = [mutant(1, number) for number in range(mutants)]
    assert all(any(name in case for case, _ in cases) for name in MUTATIONS), "not all ways are tried"
    verdicts = ask_all(cases, tmp_path)
    expect_answers(verdicts)
    assert {bool(verdict.report.refused) for verdict in verdicts} == {True, False}


def test_a_case_is_the_same_each_time_it_is_made() -> None:
    assert mutant(5, 77) == mutant(5, 77)
    assert mutant(5, 77) != mutant(6, 77)


@pytest.mark.parametrize("name", sorted(set(CRAFTED) - SLOW))
def test_a_file_made_to_do_harm_does_none(tmp_path: Path, name: str) -> None:
    verdict = ask(name, CRAFTED[name](), tmp_path)
    expect_answers([verdict])
    if name in ACCEPTED:
        assert verdict.report.media is not None


def test_a_size_that_changes_on_the_way_is_decoded_within_the_limits(tmp_path: Path) -> None:
    for name in ("growing", "overgrown"):
        content = CRAFTED[name]()
        verdict = ask(name, content, tmp_path)
        assert verdict.report.media is not None
        assert verdict.report.media.frame_sizes is not UNSET, "nothing comes after the change"
        came, _, planned = decoded(content, verdict.planned, tmp_path).split()
        assert 0 < int(came) <= int(planned)


def test_zeros_that_are_packed_by_hand_are_what_the_library_packs() -> None:
    for count in (0, 5, 2**20, 3 * 2**20 + 77):
        assert zlib.decompress(deflated_zeros(count)) == bytes(count)


def test_a_file_that_names_others_makes_nobody_read_them(tmp_path: Path) -> None:
    with canary(tmp_path / "bird.mp4", seed("mp4 h264")) as bird:
        cases = [(name, make(bird.path, bird.address)) for name, make in LURES.items()]
        verdicts = ask_all(cases, tmp_path)
        assert bird.touched() == []
    expect_answers(verdicts)
    # What has a film of its own beside the lure is that film.
    taken = {verdict.name for verdict in verdicts if verdict.report.media is not None}
    assert taken <= {"playlist behind a picture", "by_address"}


@pytest.mark.parametrize("name", ["concat", "elsewhere"])
def test_a_reader_without_our_limits_would_follow_them(tmp_path: Path, name: str) -> None:
    """So that the canary is one."""
    with canary(tmp_path / "bird.mp4", seed("mp4 h264")) as bird:
        lure = tmp_path / "lure"
        lure.write_bytes(LURES[name](bird.path, bird.address))
        careless = {"safe": "0", "protocol_whitelist": "file", "enable_drefs": "1", "use_absolute_path": "1"}
        with av.open(lure, options=careless) as container:
            next(container.demux(video=0), None)
        assert bird.touched() == ["file"]
