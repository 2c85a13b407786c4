"""`web-detector verify`: what is whole is called good, and whatever is changed in what is kept is noticed."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.database.tables import Job, Video
from contracts.results import result_file
from contracts.results.codec import Block, concat
from contracts.results.result_file import ResultFile
from contracts.storage.port import index_key, video_key
from contracts.wire.messages import FrameRange
from processor.operator.verify import Verdict, Verifier
from tests.support.operator_command import command
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip

FRAMES = 60


@pytest.fixture
def job(desk: InProcessProcessor, video: Video) -> Iterator[Job]:
    """A good job, whose files are as they were after the test."""
    ended = desk.add_job(video)
    kept = {path: path.read_bytes() for path in desk.storage.rglob("*") if path.is_file()}
    yield ended
    for path, content in kept.items():
        path.write_bytes(content)


def verify(desk: InProcessProcessor, job: Job) -> Verdict:
    pair = desk.inventory.job(job.id)
    assert pair is not None
    return Verifier(desk.services.storage).verify(*pair)


def rewrite(desk: InProcessProcessor, job: Job, change: Any, **header: Any) -> None:
    """Another result in place of the job's, as well made as any."""
    with desk.result(job).open("rb") as source:
        result = ResultFile(source)
        whole = concat([result.block(position) for position in range(len(result.starts))])
        told = msgspec.structs.replace(result.header, **header)
    with desk.services.storage.create(f"videos/{job.video_id}/jobs/{job.id}/result") as sink:
        result_file.write(sink, told, [change(whole)])


@pytest.mark.parametrize(
    "options",
    [{}, {"every_n": 7}, {"sample_fps": 3.0}, {"start_ms": 400.0, "end_ms": 1300.0}, {"labels": ["person"]}],
    ids=str,
)
def test_intact_job_has_no_problems(desk: InProcessProcessor, video: Video, options: dict[str, Any]) -> None:
    job = desk.add_job(video, **options)
    verdict = verify(desk, job)
    assert verdict.problems == ()
    assert (verdict.checked, verdict.state, verdict.frames) == (True, "succeeded", job.frames_done)
    assert 0 < verdict.frames <= FRAMES


def test_partial_job_with_listed_ranges_has_no_problems(desk: InProcessProcessor, video: Video) -> None:
    job = desk.add_job(video, failed=1)
    verdict = verify(desk, job)
    assert (verdict.state, verdict.problems) == ("partial", ())
    assert 0 < verdict.frames < FRAMES


def test_a_running_job_is_left_for_later(desk: InProcessProcessor, video: Video) -> None:
    verdict = verify(desk, desk.start_job(video))
    assert (verdict.checked, verdict.problems) == (False, ())


def test_a_changed_video_is_noticed(desk: InProcessProcessor, job: Job) -> None:
    path = desk.storage / video_key(job.video_id)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (problem,) = verify(desk, job).problems
    assert "differs from the upload" in problem
    path.write_bytes(content[:-1])
    (problem,) = verify(desk, job).problems
    assert f"has {len(content) - 1} bytes" in problem
    path.unlink()
    assert verify(desk, job).problems == ("the video file is missing",)


def test_a_missing_result_or_index_is_noticed(desk: InProcessProcessor, job: Job) -> None:
    (desk.storage / index_key(job.video_id)).unlink()
    (problem,) = verify(desk, job).problems
    assert "index is missing" in problem
    desk.result(job).unlink()
    assert verify(desk, job).problems == ("the result file is missing",)


def test_a_changed_byte_of_a_result_is_noticed_or_changes_nothing(desk: InProcessProcessor, job: Job) -> None:
    """A flipped bit may lie in what the format of the compression leaves open: then all that is read is as before."""
    path = desk.result(job)
    good = path.read_bytes()
    before = _content(path)
    chance = random.Random(6)
    harmless = 0
    places = {*range(24), *range(len(good) - 24, len(good)), *chance.sample(range(len(good)), 150)}
    for place in sorted(places):
        changed = bytearray(good)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        if not verify(desk, job).problems:
            harmless += 1
            assert _content(path) == before, f"byte {place} of {len(good)}"
    assert harmless < len(places) / 20
    for cut in (0, 1, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:cut])
        assert verify(desk, job).problems, f"cut at {cut}"


def _content(path: Path) -> Any:
    with path.open("rb") as source:
        result = ResultFile(source)
        blocks = [result.block(position) for position in range(len(result.starts))]
    names = ("frame", "time", "count", "class_id", "score", "box")
    return result.header, [[getattr(block, name).tolist() for name in names] for block in blocks]


def _without(first: int, last: int) -> Any:
    def change(block: Block) -> Block:
        return concat([block.slice(0, first), block.slice(last + 1, len(block))])

    return change


def test_unlisted_missing_frame_is_detected(desk: InProcessProcessor, job: Job) -> None:
    rewrite(desk, job, _without(10, 10))
    problems = verify(desk, job).problems
    assert "frames are missing and not listed as missing: 1 of them, from frame 10" in problems
    assert "the database and the result file differ in the summary" in problems


def test_present_frame_that_is_listed_as_missing_is_detected(desk: InProcessProcessor, job: Job) -> None:
    rewrite(desk, job, lambda block: block, missing=(FrameRange(5, 8, "lost"),), complete=False)
    problems = verify(desk, job).problems
    assert "frames are present but listed as missing: 4 of them, from frame 5, 6, 7 ..." in problems
    assert "the database and the result file differ in the failed ranges" in problems


def test_wrong_times_and_unrequested_frames_are_detected(desk: InProcessProcessor, job: Job) -> None:
    rewrite(desk, job, lambda block: replace(block, time=block.time + 1))
    assert any("differ in time from the video: 60 of them" in line for line in verify(desk, job).problems)
    rewrite(desk, job, lambda block: replace(block, frame=block.frame + 1))
    assert "frames are present but were not requested: 1 of them, from frame 60" in verify(desk, job).problems


def test_difference_to_the_job_row_is_detected(desk: InProcessProcessor, job: Job) -> None:
    desk.change(Job, job.id, summary={**(job.summary or {}), "frames": 1}, frames_done=3, options={"every_n": 2})
    assert verify(desk, job).problems == (
        "the database and the result file differ in the summary",
        "the database and the result file differ in the number of frames",
        "the database and the result file differ in the options",
    )
    desk.change(Job, job.id, summary=job.summary, frames_done=job.frames_done, options={}, state="partial")
    assert verify(desk, job).problems == ("the database and the result file differ in whether it is complete",)


def test_marks_of_filled_frames_are_compared_with_the_summary(desk: InProcessProcessor, job: Job) -> None:
    rewrite(desk, job, lambda block: replace(block, filled=block.frame % 2 == 1))
    assert verify(desk, job).problems == ("the database and the result file differ in the summary",)
    summary = {name: value for name, value in (job.summary or {}).items() if name != "frames_inferred"}
    desk.change(Job, job.id, summary=summary)  # as an earlier release wrote it
    assert verify(desk, job).problems == ()


def test_the_command_names_what_is_wrong_and_says_so_by_its_status(tmp_path: Path, valkey: Valkey) -> None:
    desk = InProcessProcessor(tmp_path, valkey)
    video = desk.add_video(clip(frames=30))
    good, bad = desk.add_job(video), desk.add_job(video, every_n=2)
    running = desk.start_job(video)
    environ = {"DATA_DIR": str(tmp_path)}  # all that an operator of embedded mode sets
    assert command(environ, "verify", good.id).returncode == 0
    desk.result(bad).write_bytes(b"WDRESULT")
    done = command(environ, "verify", "--all")
    assert done.returncode == 1, done.stderr
    assert f"good  {good.id}  succeeded, 30 frames, sha256 " in done.stdout
    assert f"BAD  {bad.id}  " in done.stdout
    assert "cut short" in done.stdout
    assert f"...   {running.id}  is running" in done.stdout
    assert done.stdout.endswith("1 good, 1 bad, 1 not finished\n")
    lines = command(environ, "verify", "--json", good.id, bad.id).stdout.splitlines()
    told = {verdict["job_id"]: verdict["problems"] for verdict in map(json.loads, lines)}
    assert (told[good.id], len(told[bad.id])) == ([], 1)
    unknown = command(environ, "verify", "nothing")
    assert (unknown.returncode, unknown.stderr) == (1, "web-detector: there is no job nothing\n")
    nowhere = command({"DATA_DIR": str(tmp_path / "none")}, "verify", "--all")
    assert nowhere.returncode == 2
    assert "set DATA_DIR to its folder" in nowhere.stderr
    desk.close()
