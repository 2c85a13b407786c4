"""Pictures of single frames: those that wait for one video are made together, kept within bounds, and go with it."""

import io
from typing import Any

import pytest

from contracts.coordination import names
from contracts.coordination.frame_requests import take_requests
from contracts.database.tables import Video, new_id, utcnow
from contracts.results.pictures_file import PicturesFile, PicturesHeader, PicturesWriter
from contracts.storage.port import frames_key, index_key
from contracts.storage.removal import remove_video_data
from contracts.wire.messages import SCHEMA, decode, encode
from contracts.wire.pictures import FramePicture, FrameReply, FrameRequest
from processor.housekeeping.inventory import DataStores
from processor.housekeeping.orphans import orphans
from processor.renditions import asked_frames
from processor.renditions.ask import make
from processor.renditions.asked_frames import MOST_KEPT, make_frames, merge
from processor.renditions.protocol import Report
from processor.user_share import send_waiting, wait_with_frames
from tests.support.processor_bench import InProcessProcessor
from tests.support.videos.clips import clip


def ask(desk: InProcessProcessor, video: Video, *wanted: FramePicture) -> list[str]:
    """Ask for pictures, as the api does. Returns the ids of the replies."""
    replies = [new_id() for _ in wanted]
    for item, reply in zip(wanted, replies, strict=True):
        data = encode(FrameRequest(item, reply))
        assert desk.services.coordination.requests.add(names.frame_requests(video.id), data, 64, 30)
    return replies


def answers(desk: InProcessProcessor, replies: list[str]) -> list[FrameReply]:
    found = [desk.services.live.lpop(f"wd:reply:{names.frame_reply(reply)}") for reply in replies]
    return [decode(data, FrameReply) for data in found if isinstance(data, bytes)]


def kept(desk: InProcessProcessor, video: Video) -> PicturesFile:
    with desk.services.storage.open(frames_key(video.id)) as source:
        return PicturesFile(io.BytesIO(source.read()))


def test_a_request_of_a_later_release_takes_no_other_with_it(desk: InProcessProcessor, video: Video) -> None:
    assert desk.services.coordination.requests.add(names.frame_requests(video.id), b"?", 64, 30)
    replies = ask(desk, video, FramePicture(0))
    assert [one.reply for one in take_requests(desk.services.coordination, video.id)] == replies


def test_requests_that_wait_are_answered_together_from_one_decoding(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(*arguments: Any) -> Report:
        made.append(len(arguments[-1]))
        return make(*arguments)

    monkeypatch.setattr(asked_frames, "make", counted)
    wanted = [FramePicture(frame=3), FramePicture(at_ms=500.0, width=64), FramePicture(frame=3)]
    replies = ask(desk, video, *wanted)
    make_frames(desk.services, video.id)
    make_frames(desk.services, video.id)  # the messages of the others find nothing to do
    assert made == [2]
    assert answers(desk, replies) == [FrameReply()] * 3
    assert [(kept(desk, video).picture(item.name()) or b"")[:2] for item in wanted] == [b"\xff\xd8"] * 3


def test_what_was_made_before_is_kept_beside_what_is_new(desk: InProcessProcessor, video: Video) -> None:
    for number in (10, 11):
        ask(desk, video, FramePicture(frame=number))
        make_frames(desk.services, video.id)
    assert {FramePicture(frame=number).name() for number in (10, 11)} <= set(kept(desk, video).names)


def test_a_video_that_cannot_be_read_is_an_answer(desk: InProcessProcessor) -> None:
    video = desk.add_video(clip(frames=5))
    desk.services.storage.delete(index_key(video.id))
    replies = ask(desk, video, FramePicture(frame=0))
    make_frames(desk.services, video.id)
    (answer,) = answers(desk, replies)
    assert "nothing is stored" in str(answer.failed)


def test_an_error_that_nobody_knows_is_an_answer_too(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Report:
        raise OSError("of a library")

    monkeypatch.setattr(asked_frames, "make", broken)
    replies = ask(desk, video, FramePicture(frame=0))
    make_frames(desk.services, video.id)
    (answer,) = answers(desk, replies)
    assert "unexpected" in str(answer.failed)


def test_who_waits_for_a_picture_of_a_deleted_video_is_answered(
    desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, meanwhile, waiting = (desk.add_video(clip(frames=5)) for _ in range(3))
    replies = [*ask(desk, before, FramePicture(frame=0)), *ask(desk, meanwhile, FramePicture(frame=0))]
    assert desk.inventory.delete_video(before, utcnow())
    make_frames(desk.services, before.id)

    def deleted(*arguments: Any) -> Report:
        assert desk.inventory.delete_video(meanwhile, utcnow())
        return make(*arguments)

    monkeypatch.setattr(asked_frames, "make", deleted)
    make_frames(desk.services, meanwhile.id)
    assert frames_key(meanwhile.id) not in desk.files()
    replies += ask(desk, waiting, FramePicture(frame=0))
    wait_with_frames(desk.services, desk.user, waiting.id)
    assert desk.inventory.delete_video(waiting, utcnow())
    send_waiting(desk.services, desk.user)
    assert [answer.deleted for answer in answers(desk, replies)] == [True] * 3


def test_another_process_that_makes_them_takes_new_requests_too(desk: InProcessProcessor) -> None:
    video = desk.add_video(clip(frames=5))
    replies = ask(desk, video, FramePicture(frame=0))
    with_lease = names.frames_lease(video.id)
    assert desk.services.coordination.locks.acquire(with_lease, "other", 60)
    make_frames(desk.services, video.id)
    assert answers(desk, replies) == []
    desk.services.coordination.locks.release(with_lease, "other")
    make_frames(desk.services, video.id)
    assert answers(desk, replies) == [FrameReply()]


def test_they_belong_to_the_video_and_go_with_it(desk: InProcessProcessor) -> None:
    video = desk.add_video(clip(frames=5))
    ask(desk, video, FramePicture(frame=0))
    make_frames(desk.services, video.id)
    stores = DataStores(desk.inventory, desk.services.storage, None, None)
    assert frames_key(video.id) in desk.files()
    assert frames_key(video.id) not in [orphan.name for orphan in orphans(stores, 0)]
    remove_video_data(desk.services.storage, None, video.id, [])
    assert frames_key(video.id) not in desk.files()


def pictures(sizes: dict[str, int]) -> PicturesFile:
    sink = io.BytesIO()
    writer = PicturesWriter(sink, PicturesHeader(SCHEMA, ""))
    for name, size in sizes.items():
        writer.add(name, bytes(size))
    writer.end()
    return PicturesFile(sink)


def merged(before: PicturesFile | None, new: PicturesFile) -> list[str]:
    sink = io.BytesIO()
    merge(sink, before, new)
    return list(PicturesFile(sink).names)


def test_the_oldest_go_when_there_are_too_many_or_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pictures({str(number): 10 for number in range(MOST_KEPT)})
    assert merged(before, pictures({"a": 10, "3": 10})) == [*(str(n) for n in range(1, MOST_KEPT) if n != 3), "a", "3"]
    monkeypatch.setattr(asked_frames, "MOST_BYTES", 35)
    assert merged(before, pictures({"a": 10, "b": 10})) == [str(MOST_KEPT - 1), "a", "b"]
    assert merged(None, pictures({"a": 10})) == ["a"]
