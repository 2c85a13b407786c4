"""Runs: which chunks are sent together, and as what."""

from contracts.results.codec import time_ms
from contracts.wire.messages import SCHEMA, SCHEMA_OF_RUNS, Chunk, Location, Media, Options, PacketIndex, Plan
from contracts.wire.runs import Part, from_message, parts, runs, to_message, without
from processor.core.chunk_messages import chunks
from processor.core.cutting import Cutter
from processor.core.runs import Runs
from processor.core.sampling import wanted

MEDIA = Media("mp4", "h264", 64, 48, 0, "1:1", 4000.0, 100, 25.0, False)
PLAN = Plan("m", "0", "openvino", "fp32", Options())


def planned(options: Options, frames: int = 1000) -> list[Chunk]:
    """Of a video with keyframes at 0 and 20."""
    times = tuple(range(frames))
    index = PacketIndex(SCHEMA, (1, 25), "pts", times, times, (0, 20), tuple(Location(n, 9) for n in (0, 20)))
    cutter = Cutter(index)
    spans = cutter.pick(cutter.cut(10), wanted(times, (1, 25), options))
    return list(chunks(spans, MEDIA, index, PLAN, "j", "v"))


def test_chunks_of_a_run_are_one_message_and_others_one_each() -> None:
    single = planned(Options())
    messages = list(runs(single))
    assert [message.index for message in messages[:2]] == [0, 1]
    assert messages[0] == single[0]
    run = messages[-1]
    assert run.schema == SCHEMA_OF_RUNS
    assert [part.index for part in parts(run)] == [chunk.index for chunk in single[run.index :]]
    assert run.times == tuple(time for chunk in single[run.index :] for time in chunk.times)
    assert [stretch.last for stretch in run.stretches or ()] == [999]
    assert [list(message.numbers) for message in runs(single[:-1])][:-1] == [list(one.numbers) for one in messages[:-1]]
    assert sum(len(message.times) for message in messages) == 1000


def test_a_run_is_small_as_a_message_and_comes_back_whole() -> None:
    for options in (Options(), Options(every_n=3)):
        run = list(runs(planned(options, 100_000)))[-1]
        message = to_message(run)
        assert from_message(message) == run
        assert len(message["columns"]) < len(run.times) / 10
    single = planned(Options())[0]
    assert from_message(to_message(single)) == single


def test_what_is_done_of_a_run_is_left_out() -> None:
    for options in (Options(), Options(every_n=3)):
        single = planned(options)
        run = list(runs(single))[-1]
        rest = without(run, 5)
        assert without(run, 0) == run
        assert parts(rest)[0] == Part(run.index + 5, 0, len(single[run.index + 5].times))
        assert list(rest.numbers) == list(run.numbers)[-len(rest.times) :]
        assert rest.times == run.times[-len(rest.times) :]
        assert [time_ms(time, (1, 25)) for time in rest.times] == [40.0 * number for number in rest.numbers]


def test_a_chunk_that_sampling_left_out_does_not_tear_a_run() -> None:
    messages = list(runs(planned(Options(every_n=25))))
    assert [number for message in messages for number in message.numbers] == list(range(0, 1000, 25))
    assert len(messages) < 10
    assert messages[-1].index + len(parts(messages[-1])) == len(planned(Options(every_n=25)))


def test_runs_of_a_job_are_counted_in_their_order() -> None:
    split = Runs(7, (2, 3, 5))
    assert len(split) == 4
    assert [list(split.chunks(run)) for run in range(4)] == [[0], [1, 2, 3], [4, 5], [6]]
    assert [split.of(chunk) for chunk in range(7)] == [0, 1, 1, 1, 2, 2, 3]
    assert [split.before(sent) for sent in (0, 1, 4, 6, 7)] == [0, 1, 2, 3, 4]
    assert split.first(4) == 7
    assert split.done({0, 1, 2, 4, 5}) == {0, 2}
    assert len(Runs(0)) == 0
