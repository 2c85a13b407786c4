"""Integrity check of a job's stored data: the video's SHA-256, the result's checksums, every frame, every count."""

from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from contracts.database.tables import Job, Video
from contracts.errors import CorruptData, NotFound, VideoRefused, WebDetectorError
from contracts.results.codec import SCORE_SCALE, Block, decompress
from contracts.results.result_file import MAGIC, ResultFile
from contracts.storage.digest import sha256_of
from contracts.storage.port import Storage, index_key, result_key, video_key
from contracts.wire.job_states import TERMINAL, JobState
from contracts.wire.messages import FrameRange, Options, PacketIndex, ResultHeader, decode, from_json
from processor.core.frame_order import frame_order
from processor.core.merging import MOST_RANGES, Tally
from processor.core.sampling import wanted
from processor.operator.verify_tracks import tracks_problems

_COUNTED = ("frames", "frames_inferred", "labels", "top_labels")  # of a summary
_NAMED = 3
Numbers = NDArray[np.int64]


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of an integrity check. sha256: of the result file, empty without one. problems: texts, empty for a
    good job. checked: False for a job that has not ended."""

    job_id: str
    video_id: str
    state: str
    checked: bool
    frames: int
    sha256: str
    problems: tuple[str, ...]


class Verifier:
    """Verifies jobs. The hash of a video is reused for consecutive jobs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._last: tuple[str, tuple[str, ...]] = ("", ())

    def verify(self, job: Job, video: Video) -> Verdict:
        """Verify everything that is stored for a job. Raises StorageUnavailable."""
        if job.state not in TERMINAL:
            return Verdict(job.id, video.id, job.state, False, 0, "", ())
        problems = [*self._video(video)]
        frames, digest = 0, ""
        key = result_key(video.id, job.id)
        try:
            digest = sha256_of(self._storage, key)[0]
            with self._storage.open(key) as source:
                frames = _result(source, job, self._index(video), problems)
            problems += tracks_problems(self._storage, job, digest)
        except NotFound:
            # A job that failed before detection has none.
            if job.summary is not None:
                problems.append("the result file is missing")
        except (CorruptData, VideoRefused) as error:
            problems.append(f"the result file cannot be compared with its video: {error.detail}")
        return Verdict(job.id, video.id, job.state, True, frames, digest, tuple(problems))

    def _video(self, video: Video) -> tuple[str, ...]:
        if self._last[0] != video.id:
            self._last = (video.id, tuple(_video_problems(self._storage, video)))
        return self._last[1]

    def _index(self, video: Video) -> PacketIndex:
        try:
            with self._storage.open(index_key(video.id)) as source:
                return decode(decompress(source.read()), PacketIndex)
        except NotFound:
            raise CorruptData("the video's packet index is missing, so its frames cannot be counted") from None
        except msgspec.DecodeError as error:
            raise CorruptData(f"the video's packet index cannot be read: {error}") from error


def _video_problems(storage: Storage, video: Video) -> list[str]:
    if video.refused is not None:
        return []  # its file was removed
    try:
        digest, size = sha256_of(storage, video_key(video.id))
    except NotFound:
        return ["the video file is missing"]
    if size != video.size_bytes:
        return [f"the video file has {size} bytes, but {video.size_bytes} were uploaded"]
    if digest != video.sha256:
        return [f"the video file differs from the upload: its SHA-256 is {digest} instead of {video.sha256}"]
    return []


def _result(source: BinaryIO, job: Job, index: PacketIndex, problems: list[str]) -> int:
    """Count the frames of a result, and append its problems. Raises CorruptData."""
    if source.read(len(MAGIC)) != MAGIC:
        raise CorruptData("it does not start with the signature of a result file")
    result = ResultFile(source)
    header = result.header
    tally = Tally(header.labels, header.time_base)
    numbers: list[Numbers] = []
    times: list[Numbers] = []
    for position, start in enumerate(result.starts):
        block = result.block(position)
        _check_block(block, start, len(header.labels))
        tally.add(block)
        numbers.append(block.frame)
        times.append(block.time)
    problems += _frames(header, index, _joined(numbers), _joined(times))
    problems += _table(job, header, tally)
    return tally.frames


def _check_block(block: Block, start: int, labels: int) -> None:
    """Raises CorruptData for a block with inconsistent columns."""
    objects = int(block.count.sum())
    fits = {len(block.time), len(block.count), len(block)} == {len(block)} and len(block) > 0
    fits = fits and {len(block.class_id), len(block.score), len(block.box)} == {objects}
    if not fits or int(block.frame[0]) != start:
        raise CorruptData(f"the columns of the block at frame {start} are inconsistent")
    if objects and (int(block.class_id.max()) >= labels or int(block.score.max()) > SCORE_SCALE):
        raise CorruptData(f"the block at frame {start} has labels or scores out of range")


def _frames(header: ResultHeader, index: PacketIndex, numbers: Numbers, times: Numbers) -> list[str]:
    """Problems of a result's frames: each requested frame must be present once or be listed as missing."""
    if header.time_base != index.time_base:
        return ["the result has another time base than the video's packet index"]
    if len(numbers) > 1 and not bool(np.all(np.diff(numbers) > 0)):
        return ["the frame numbers do not increase"]
    all_times = _times(header, index)
    if header.media.frames != len(all_times):
        return []  # planned by release 1.0, which told frames apart by their times and missed some
    asked = _asked(header, all_times, numbers)
    known, whole = np.zeros(len(asked), bool), np.zeros(len(asked), bool)
    for position, item in enumerate(header.missing, start=1):
        listed = (asked >= item.first) & (asked <= item.last)
        known |= listed
        whole |= listed & (position < MOST_RANGES)  # the last may span frames that are there
    there = np.isin(asked, numbers)
    found = [
        _problem("frames are missing and not listed as missing", asked[~there & ~known]),
        _problem("frames are present but listed as missing", asked[there & whole]),
        _problem("frames are present but were not requested", np.setdiff1d(numbers, asked)),
    ]
    inside = numbers[(numbers >= 0) & (numbers < len(all_times))]
    if len(inside) == len(numbers):
        wrong = np.asarray(all_times, np.int64)[numbers] != times
        found.append(_problem("frames differ in time from the video", numbers[wrong]))
    if header.dropped is not UNSET and header.plan.options.sample_fps is None:
        named = sum(item.frames for item in header.dropped)
        if (left := len(all_times) - len(numbers)) > named:
            found.append(f"frames have no result and are not named as dropped: {left - named} of them")
    return [line for line in found if line]


def _asked(header: ResultHeader, times: tuple[int, ...], numbers: Numbers) -> Numbers:
    """The frames that a result has to have; of a live stream, those that were analysed while they came."""
    if header.dropped is not UNSET:
        return numbers[(numbers >= 0) & (numbers < len(times))]
    return np.asarray(wanted(times, header.time_base, header.plan.options), np.int64)


def _times(header: ResultHeader, index: PacketIndex) -> tuple[int, ...]:
    """The time of each frame. Release 1.0 gave the container's own."""
    times = frame_order(index).times
    if header.media.start_ms is not UNSET or index.origin is UNSET:
        return times
    return tuple(time + index.origin for time in times)


def _table(job: Job, header: ResultHeader, tally: Tally) -> list[str]:
    """Differences between the job's row in the database and its result file."""
    counted = tally.summary(seconds=0, detector_seconds=0, cpu_seconds=None)
    # Earlier releases did not count the inferred frames.
    summary: dict[str, Any] = {"frames_inferred": tally.inferred} | (job.summary or {})
    complete = not header.missing and header.media.damage is None
    same: dict[str, Callable[[], bool]] = {
        "the summary": lambda: all(summary.get(name) == counted[name] for name in _COUNTED),
        "the number of frames": lambda: job.frames_done == tally.frames,
        "the failed ranges": lambda: _ranges(job) == header.missing,
        "the options": lambda: from_json(job.options, Options) == header.plan.options,
        "the model": lambda: job.model == header.plan.model,
        "whether it is complete": lambda: header.complete == complete and (job.state == JobState.SUCCEEDED) == complete,
    }
    wrong = []
    for name, holds in same.items():
        try:
            good = holds()
        except (msgspec.ValidationError, WebDetectorError):
            good = False
        if not good:
            wrong.append(f"the database and the result file differ in {name}")
    return wrong


def _ranges(job: Job) -> tuple[FrameRange, ...]:
    return tuple(from_json(item, FrameRange) for item in job.failed_ranges)


def _joined(parts: list[Numbers]) -> Numbers:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _problem(what: str, numbers: Numbers) -> str:
    """A problem text that names the first frames, empty when there are none."""
    if not len(numbers):
        return ""
    first = ", ".join(str(number) for number in numbers[:_NAMED].tolist())
    return f"{what}: {len(numbers)} of them, from frame {first}{' ...' if len(numbers) > _NAMED else ''}"
