"""Pictures of single frames that clients wait for: those of one video together, kept in one file."""

import io
import logging
import tempfile
from collections.abc import Iterable
from typing import BinaryIO

from contracts.coordination import names
from contracts.coordination.frame_requests import answer, answer_deleted, take_requests
from contracts.errors import CorruptData, NotFound, StorageFull, StorageUnavailable, VideoRefused
from contracts.results.pictures_file import PicturesFile, PicturesWriter
from contracts.storage.port import frames_key, index_key, video_key
from contracts.wire.messages import Media, from_json
from contracts.wire.pictures import FramePicture, FrameReply, FrameRequest
from contracts.wire.renditions import RenditionOptions
from media.child_output import ChildKilled
from processor.context import Services
from processor.renditions.ask import Sources, Unwanted, make
from processor.user_share import Leases, leased, send_waiting, wait_with_frames

log = logging.getLogger(__name__)

# Of a video; the ones that were made first go first.
MOST_KEPT = 64
MOST_BYTES = 16 * 1024**2


def make_frames(services: Services, video_id: str) -> None:
    """Answer all requests for pictures of a video that wait, unless another process does, which then takes these too.
    Where the share of the user is used up, when something of that user has ended."""
    name = names.frame_requests(video_id)
    video = services.repository.video(video_id)
    if video is None:
        answer_deleted(services.coordination, video_id)
        return
    if not services.coordination.requests.waiting(name):
        send_waiting(services, video.user_id)  # its turn, which the message may have been, is for the next
        return
    may_wait = True
    while services.coordination.requests.waiting(name):
        lease = names.frames_lease(video_id)
        with leased(services, lease, video.user_id) as held:
            if held is not None:
                requests = take_requests(services.coordination, video_id)
                answer(services.coordination, requests, _answer(services, video_id, requests, held))
        if held is not None:
            send_waiting(services, video.user_id)
        elif may_wait and not services.coordination.is_held(lease):
            wait_with_frames(services, video.user_id, video_id)
            may_wait = False  # once more: what had the place may have ended before that
        else:
            return


def _answer(services: Services, video_id: str, requests: list[FrameRequest], held: Leases) -> FrameReply:
    try:
        _make(services, video_id, list(dict.fromkeys(request.picture for request in requests)), held)
    except Unwanted:
        return FrameReply("another process has taken over: try again")
    except ChildKilled as error:
        log.warning("pictures of frames of video %s are not made: %s", video_id, error.detail)
        return FrameReply("the process that made them was killed: try again")
    except (VideoRefused, NotFound, StorageFull, StorageUnavailable) as error:
        log.warning("pictures of frames of video %s cannot be made: %s", video_id, error.detail)
        return FrameReply(error.detail, deleted=services.repository.video(video_id) is None)
    except Exception:  # whatever it is, nobody waits for it in vain
        log.exception("pictures of frames of video %s cannot be made", video_id)
        return FrameReply("an unexpected error, which is in the log of the processor")
    return FrameReply()


def _make(services: Services, video_id: str, wanted: list[FramePicture], held: Leases) -> None:
    """Raises VideoRefused, NotFound, StorageFull, StorageUnavailable, ChildKilled, Unwanted."""
    video = services.repository.video(video_id)
    if video is None or video.media is None:
        raise NotFound("the video was deleted, or is not known yet")
    key, media = frames_key(video_id), from_json(video.media, Media)
    with tempfile.TemporaryFile() as made:
        sources = Sources(video_key(video_id), index_key(video_id))
        kept = _kept(services, key)
        make(services.storage, sources, made, "frames", media, RenditionOptions(), lambda _: held.renew(), wanted)
        made.seek(0)
        with services.storage.create(key) as sink:
            merge(sink, kept, PicturesFile(made))
    if services.repository.video(video_id) is None:
        services.storage.delete(key)
        raise NotFound("the video was deleted meanwhile")


def _kept(services: Services, key: str) -> PicturesFile | None:
    """The pictures of before, None where there are none that can be read."""
    try:
        with services.storage.open(key) as source:
            return PicturesFile(io.BytesIO(source.read()))
    except (NotFound, CorruptData):
        return None


def merge(sink: BinaryIO, kept: PicturesFile | None, new: PicturesFile) -> None:
    """Write the new pictures, and of those of before, which are the older the earlier they come, as many as there is
    room for."""
    writer = PicturesWriter(sink, new.header)
    left = [] if kept is None else [(kept, name) for name in kept.names if new.picture(name) is None]
    every = [*left, *((new, name) for name in new.names)]
    for file, name in _newest(every):
        writer.add(name, file.picture(name) or b"")
    writer.end()


def _newest(pictures: list[tuple[PicturesFile, str]]) -> Iterable[tuple[PicturesFile, str]]:
    total, found = 0, list[tuple[PicturesFile, str]]()
    for file, name in reversed(pictures):
        total += file.size(name)
        if len(found) == MOST_KEPT or total > MOST_BYTES:
            break
        found.append((file, name))
    return reversed(found)
