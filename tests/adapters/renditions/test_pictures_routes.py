"""Pictures over HTTP: of a job's tracks as a renderer stores them, and of frames that a processor makes meanwhile."""

from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from api.routes.pictures import frames as frame_routes
from api.tables.renditions import of_kind
from contracts.coordination import names
from contracts.coordination.requests import Requests
from contracts.database.tables import Rendition, Video
from contracts.results.pictures_file import PicturesHeader, PicturesWriter
from contracts.results.tracks import TracksState, TracksStep
from contracts.storage.port import frames_key, rendition_key
from contracts.wire.messages import SCHEMA, Media, Options, decode, encode, to_json
from contracts.wire.pictures import FramePicture, FrameReply, FrameRequest
from contracts.wire.renditions import PICTURES, RenditionState, rendition_id
from tests.adapters.tracking.test_tracks_route import Asked, ask, asked, users

__all__ = ["asked", "users"]

JPEG = b"\xff\xd8 a picture"
MEDIA = Media("mp4", "h264", 640, 480, 0, "1:1", 1000.0, 25, 25.0, False)


def store(asked: Asked, key: str, pictures: dict[str, bytes]) -> None:
    with asked.services.storage.create(key) as sink:
        writer = PicturesWriter(sink, PicturesHeader(SCHEMA, ""))
        for name, picture in pictures.items():
            writer.add(name, picture)
        writer.end()


@pytest.fixture
def rendered(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Renditions that were sent to be made."""
    sent: list[str] = []
    monkeypatch.setattr(asked.services.dispatch, "render", lambda row: sent.append(row.id))
    return sent


def made(asked: Asked, state: RenditionState = RenditionState.READY, **values: Any) -> None:
    """The renderer has ended with the pictures of the job."""
    asked.services.renditions.ask(of_kind(asked.user, asked.video, asked.job, PICTURES))
    with Session(asked.services.engine) as session, session.begin():
        row = session.get(Rendition, rendition_id(asked.video, asked.job, PICTURES))
        assert row is not None
        row.state = str(state)
        for name, value in values.items():
            setattr(row, name, value)


def test_a_picture_of_a_track_is_a_jpeg_that_clients_keep(asked: Asked) -> None:
    asked.give()
    made(asked)
    store(asked, rendition_key(asked.video, asked.job, PICTURES), {"2": JPEG})
    answer = asked("GET", "/tracks/2/picture")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    known = {"If-None-Match": answer.headers["etag"]}
    assert asked("GET", "/tracks/2/picture", headers=known).status_code == 304
    head = asked("HEAD", "/tracks/2/picture")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(JPEG)))


def test_a_track_without_a_picture_says_why(asked: Asked, rendered: list[str]) -> None:
    def missing() -> str:
        return asked.problem("GET", "/tracks/1/picture", 404, "picture_missing")

    assert "no tracks have been made" in missing()
    asked.give()
    assert "are being made" in missing()
    assert rendered == [rendition_id(asked.video, asked.job, PICTURES)], "the first who asks has them made"
    assert "are being made" in missing()
    assert len(rendered) == 1
    made(asked, RenditionState.FAILED, error={"code": "video_refused", "detail": "it is broken"})
    assert "it is broken" in missing()
    made(asked)
    assert "not stored any more" in missing()
    store(asked, rendition_key(asked.video, asked.job, PICTURES), {"2": JPEG})
    assert "seen longest" in missing()


def test_pictures_of_a_job_can_be_asked_for_and_need_tracks(asked: Asked, rendered: list[str]) -> None:
    asked.problem("PUT", "/renditions/pictures", 409, "tracks_missing")
    asked.give(TracksState(TracksStep.READY, tracker="test 1", tracks=2))
    answer = asked("PUT", "/renditions/pictures", json={"min_score": 0.5})
    assert (answer.status_code, answer.json()["links"]["content"], len(rendered)) == (202, None, 1)
    assert asked("PUT", "/renditions/pictures").status_code == 202
    assert len(rendered) == 1, "options change nothing about them"
    assert asked("GET", "/renditions/pictures").json()["state"] == "queued"


def test_a_blurred_copy_names_what_it_hides(asked: Asked, rendered: list[str]) -> None:
    path = "/renditions/blurred"
    asked.problem("PUT", path, 409, "tracks_missing")
    asked.give()
    asked.change(model="nanodet-g")  # which has other labels now than when the job ran
    refused = [({"min_score": 0.5}, "min_score"), ({"labels": []}, "nothing"), ({"labels": ["person"]}, "cat, dog")]
    for body, said in refused:
        assert said in asked.problem("PUT", path, 422, "invalid_options", json=body)
    asked.change(options=to_json(Options(labels=("car",))))
    assert "looked for car" in asked.problem("PUT", path, 422, "invalid_options", json={"labels": ["person"]})
    assert rendered == []
    answer = asked("PUT", path, json={"labels": ["car"]})
    assert (answer.status_code, answer.json()["kind"], answer.json()["state"]) == (202, "blurred", "queued")
    assert answer.json()["links"]["content"].endswith("/renditions/blurred/content")
    asked.problem("GET", f"{path}/content", 409, "rendition_not_ready")
    assert asked("DELETE", path).status_code == 204


def test_of_other_users_there_is_nothing(asked: Asked, users: list[tuple[str, str]]) -> None:
    asked.give()
    made(asked)
    store(asked, rendition_key(asked.video, asked.job, PICTURES), {"1": JPEG})
    asked.problem("GET", "/tracks/1/picture", 404, "not_found", token=users[1][0])


class Frames:
    """A video of whose frames pictures are asked for, and what a processor answers: None for nothing in time."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.made: list[FramePicture] = []
        self.reply: FrameReply | None = FrameReply()
        self.content: bytes = JPEG
        with Session(asked.services.engine) as session, session.begin():
            row = session.get(Video, asked.video)
            assert row is not None
            row.media = to_json(MEDIA)

    def __call__(self, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.asked.token}", **(headers or {})}
        path = f"/api/v1/videos/{self.asked.video}/frame"
        return ask(self.asked.app, "GET", path, params=parameters, headers=headers)

    def problem(self, status: int, code: str, **parameters: Any) -> str:
        answer = self(**parameters)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        return str(answer.json()["detail"])

    def make(self, video_id: str) -> None:
        waiting = Requests(self.asked.services.redis).take(names.frame_requests(video_id))
        wanted = [decode(data, FrameRequest).picture for data in waiting]
        self.made += wanted
        store(self.asked, frames_key(video_id), {picture.name(): self.content for picture in wanted})

    async def wait_for(self, _name: str, _seconds: int) -> bytes | None:
        return None if self.reply is None else encode(self.reply)


@pytest.fixture
def frames(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Frames:
    found = Frames(asked)
    monkeypatch.setattr(asked.services.dispatch, "make_frames", found.make)
    monkeypatch.setattr(asked.services.replies, "wait_for", found.wait_for)
    return found


def test_a_frame_is_made_once_and_then_kept(frames: Frames) -> None:
    answer = frames(frame=7, width=320, box="10,20.5,110,220")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert frames.made == [FramePicture(frame=7, width=320, box=(10.0, 20.5, 110.0, 220.0))]
    assert frames(frame=7, width=320, box="10,20.5,110,220.0").content == JPEG
    assert len(frames.made) == 1
    frames(at_ms=280)
    assert frames.made[1:] == [FramePicture(at_ms=280.0)]


def test_a_client_that_has_a_frame_is_told_so_without_making_it(frames: Frames) -> None:
    etag = frames(frame=7).headers["etag"]
    frames.asked.services.storage.delete(frames_key(frames.asked.video))
    assert frames({"If-None-Match": etag}, frame=7).status_code == 304
    assert frames({"If-None-Match": etag}, frame=8).status_code == 200
    assert len(frames.made) == 2


def test_a_frame_that_takes_long_or_cannot_be_made_is_a_clear_answer(frames: Frames) -> None:
    frames.reply = None
    slow = frames(frame=1)
    assert (slow.status_code, slow.json()["code"], slow.headers["retry-after"]) == (503, "frame_not_ready", "2")
    frames.reply = FrameReply("it broke the renderer")
    assert "it broke the renderer" in frames.problem(404, "picture_missing", frame=2)
    frames.reply, frames.content = FrameReply(), b""
    assert "cannot be decoded" in frames.problem(404, "picture_missing", frame=3)


def test_who_waits_for_a_picture_of_a_video_that_is_deleted_is_told_at_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reply that the deletion sends: no processor is there."""
    Frames(asked)
    headers = {"Authorization": f"Bearer {asked.token}"}
    path = f"/api/v1/videos/{asked.video}"

    def delete(_video_id: str) -> None:
        assert ask(asked.app, "DELETE", path, headers=headers).status_code == 204

    monkeypatch.setattr(asked.services.dispatch, "make_frames", delete)
    with monkeypatch.context() as patched:
        patched.setattr(frame_routes, "FRAME_SECONDS", 3)
        answer = ask(asked.app, "GET", f"{path}/frame", params={"frame": 1}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not Requests(asked.services.redis).waiting(names.frame_requests(asked.video))


def test_more_requests_than_are_made_at_once_are_refused(frames: Frames) -> None:
    waiting, name = Requests(frames.asked.services.redis), names.frame_requests(frames.asked.video)
    for number in range(64):
        assert waiting.add(name, encode(FrameRequest(FramePicture(frame=0), str(number))), 64, 30)
    frames.problem(429, "frames_busy", frame=1)
    assert len(waiting.take(name)) == 64, "the one that was refused does not wait"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "one of them"),
        ({"frame": 1, "at_ms": 40}, "one of them"),
        ({"frame": 25}, "from 0 to 24"),
        ({"frame": 1, "box": "10,20,10,40"}, "640x480"),
        ({"frame": 1, "box": "10,20,641,40"}, "640x480"),
    ],
)
def test_bad_requests_for_a_frame_are_refused(frames: Frames, parameters: dict[str, Any], said: str) -> None:
    assert said in frames.problem(422, "invalid_input", **parameters)


@pytest.mark.parametrize(
    "parameters", [{"frame": -1}, {"frame": "x"}, {"frame": 1, "width": 5000}, {"frame": 1, "box": "1,2,3"}]
)
def test_what_the_spec_excludes_is_malformed(frames: Frames, parameters: dict[str, Any]) -> None:
    frames.problem(400, "malformed_request", **parameters)


def test_a_video_that_is_not_known_yet_has_no_frames(asked: Asked) -> None:
    path = f"/api/v1/videos/{asked.video}/frame"
    answer = ask(asked.app, "GET", path, params={"frame": 1}, headers={"Authorization": f"Bearer {asked.token}"})
    assert (answer.status_code, answer.json()["code"]) == (409, "rendition_not_ready")
