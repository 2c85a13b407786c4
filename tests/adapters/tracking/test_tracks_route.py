"""Tracks over HTTP: a job of the tables, with files as the processor writes them, and no server."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from msgspec import UNSET
from sqlalchemy.orm import Session

from api.context import Services, context
from api.results.export_formats import FORMATS
from contracts.database.tables import Job, Video, new_id, utcnow
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.storage.port import result_key, tracks_key
from contracts.wire.messages import Options, to_json
from tests.support.results.tracked_results import Frame, files

FRAMES: list[Frame] = [
    (0, 0, [(0, 9000, 1), (1, 8000, 0)]),
    (1, 1000, [(0, 5000, 1), (1, 7000, 2)]),
    (2, 2000, [(1, 6000, 2)]),
]
READY = TracksState(TracksStep.READY, tracker="test 1", tracks=2)


@dataclass
class Asked:
    """A user with a job that has ended, and asks the api about it."""

    app: Any
    services: Services
    token: str
    user: str
    job: str
    video: str
    sent: list[str]

    def __call__(self, method: str, path: str = "", token: str = "", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}", **options.pop("headers", {})}
        return ask(self.app, method, f"/api/v1/jobs/{self.job}{path}", headers=headers, **options)

    def problem(self, method: str, path: str, status: int, code: str, **options: Any) -> str:
        answer = self(method, path, **options)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        return str(answer.json()["detail"])

    def change(self, **values: Any) -> None:
        """Change the job, as the processor does."""
        with Session(self.services.engine) as session, session.begin():
            row = session.get(Job, self.job)
            for name, value in values.items():
                setattr(row, name, value)

    def give(self, state: TracksState = READY, frames: list[Frame] = FRAMES, **parameters: Any) -> None:
        """Store tracks, and say so. parameters: of the tracker."""
        made = files(frames, parameters=TrackerParameters(**parameters))
        for key, content in zip((result_key, tracks_key), made, strict=True):
            with self.services.storage.create(key(self.video, self.job)) as sink:
                sink.write(content)
        self.change(tracks=to_json(state))


def ask(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def asking() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **options)

    return asyncio.run(asking())


def _user(app: Any) -> tuple[str, str]:
    """A new user's token and id."""
    name = f"u{new_id()[:12]}"
    body = {"username": name, "password": "correct-horse-battery"}
    token = ask(app, "POST", "/api/v1/auth/register", json=body).json()["access_token"]
    me = ask(app, "GET", "/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
    return token, me.json()["id"]


@pytest.fixture(scope="module")
def users(app: Any) -> list[tuple[str, str]]:
    return [_user(app), _user(app)]


@pytest.fixture
def asked(app: Any, users: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    services = context.current()
    (token, user), job, video = users[0], new_id(), new_id()
    with Session(services.engine) as session, session.begin():
        stored: dict[str, Any] = {"content_type": "video/mp4", "tags": [], "size_bytes": 1, "sha256": "0"}
        session.add(Video(id=video, user_id=user, name="a.mp4", **stored))
        session.flush()
        ended = {"state": "succeeded", "summary": {}, "frames_done": 3, "finished_at": utcnow(), "failed_ranges": []}
        options = to_json(Options())
        session.add(Job(id=job, user_id=user, video_id=video, model="m", options=options, **ended))
    made = Asked(app, services, token, user, job, video, [])
    monkeypatch.setattr(services.dispatch, "track_job", made.sent.append)
    yield made
    with Session(services.engine) as session, session.begin():
        if (stored_video := session.get(Video, video)) is not None:  # a test may delete it
            session.delete(stored_video)


def test_tracks_are_listed_page_by_page(asked: Asked) -> None:
    asked.give()
    first = asked("GET", "/tracks", params={"limit": 1}).json()
    assert [track["id"] for track in first["tracks"]] == [1]
    second = asked("GET", "/tracks", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert ([track["label"] for track in second["tracks"]], second["next_cursor"]) == (["dog"], None)
    query = {"label": "dog", "min_score": 0.7, "min_frames": 2, "from_ms": 500, "to_ms": 1500}
    assert asked("GET", "/tracks", params=query).json() == {"tracks": second["tracks"], "next_cursor": None}
    asked.problem("GET", "/tracks", 422, "invalid_cursor", params={"cursor": first["next_cursor"], "label": "dog"})
    asked.problem("GET", "/tracks", 422, "invalid_input", params={"label": "cow"})
    asked.problem("GET", "/tracks", 422, "invalid_input", params={"from_ms": 2, "to_ms": 1})


@pytest.mark.parametrize("path", ["/tracks?limit=1", "/results?track=1&limit=1"])
def test_a_cursor_ends_with_its_tracks(asked: Asked, path: str) -> None:
    asked.give()
    following = f"{path}&cursor={asked('GET', path).json()['next_cursor']}"
    asked.give(min_frames=2)
    asked.problem("GET", following, 422, "invalid_cursor")
    asked.give()
    assert asked("GET", following).status_code == 200, "the same parameters give the same tracks"


def test_a_cursor_of_all_results_goes_on_with_other_tracks(asked: Asked) -> None:
    asked.give(TracksState(TracksStep.QUEUED))
    following = f"/results?limit=1&cursor={asked('GET', '/results?limit=1').json()['next_cursor']}"
    for number in (2, 3):
        asked.give(min_frames=number)
        assert [frame["frame"] for frame in asked("GET", following).json()["frames"]] == [1]


def test_results_and_exports_name_the_tracks(asked: Asked) -> None:
    asked.give()
    frames = asked("GET", "/results").json()["frames"]
    shown = [[one.get("track") for one in frame["detections"]] for frame in frames]
    assert shown == [[1, None], [1, 2], [2]]
    assert [frame["frame"] for frame in asked("GET", "/results", params={"track": 2}).json()["frames"]] == [1, 2]
    for form, kind in FORMATS.items():
        answer = asked("GET", "/export", params={"format": form, "track": 2})
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind.media_type), form
        assert answer.content
    asked.problem("GET", "/results", 422, "invalid_input", params={"track": 3})
    lonely = {"format": "mot", "label": "cup"}
    assert "MOT" in asked.problem("GET", "/export", 422, "invalid_input", params=lonely)


@pytest.mark.parametrize("path", ["/tracks", "/results?track=1", "/export?format=csv&track=1", "/export?format=cvat"])
def test_what_needs_tracks_says_why_there_are_none(asked: Asked, path: str) -> None:
    assert "POST" in asked.problem("GET", path, 409, "tracks_missing")
    asked.change(tracks=to_json(TracksState(TracksStep.QUEUED)))
    assert "being made" in asked.problem("GET", path, 409, "tracks_missing")


def test_answers_are_known_until_the_job_gets_tracks_or_others(asked: Asked) -> None:
    asked.give(TracksState(TracksStep.QUEUED))
    plain = asked("GET", "/results")
    asked.give()
    tags = [plain.headers["etag"]]
    for frames in (FRAMES, FRAMES[:2]):
        asked.give(frames=frames)
        for path in ("/results", "/tracks", "/export?format=csv"):
            answer = asked("GET", path)
            tags.append(answer.headers["etag"])
            held = {"If-None-Match": tags[-1]}
            assert asked("GET", path, headers=held).status_code == 304
        asked.change(tracks=to_json(TracksState(TracksStep.QUEUED, tracks=2)))
    assert len(set(tags)) == 7


def test_results_without_tracks_are_those_of_before(asked: Asked) -> None:
    asked.give(TracksState(TracksStep.FAILED))
    answer = asked("GET", "/results")
    assert "track" not in answer.text
    asked.change(tracks=None)
    assert asked("GET", "/results").content == answer.content


def test_tracks_of_before_are_there_while_others_are_made(asked: Asked) -> None:
    asked.give()
    answer = asked("POST", "/tracks", json={"min_frames": 5})
    assert (answer.status_code, asked.sent) == (202, [asked.job])
    told = answer.json()["tracks"]
    assert (told["state"], told["tracks"], told["parameters"]["min_frames"]) == ("queued", 2, 5)
    assert len(asked("GET", "/tracks").json()["tracks"]) == 2
    assert asked("GET").json()["tracks"] == told


def test_tracks_are_made_of_a_job_that_has_none(asked: Asked) -> None:
    assert asked("GET").json()["tracks"] is None
    told = asked("POST", "/tracks").json()["tracks"]
    assert (told["state"], told["tracks"], told["error"]) == ("queued", None, None)


def test_an_error_of_before_goes_when_tracks_are_asked_for_again(asked: Asked) -> None:
    asked.change(tracks=to_json(TracksState(TracksStep.FAILED, error={"code": "c", "detail": "d"})))
    assert asked("POST", "/tracks", json={}).json()["tracks"]["error"] is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"min_score": 0.5, "start_score": 0.4}, "above start_score"),
        ({"min_score": 0.5}, "above start_score (0.4)"),  # which follows from the job's own least score
        ({"min_frames": 0}, "min_frames"),
        ({"lost_seconds": "long"}, "lost_seconds"),
        ({"speed": 1}, "speed"),
    ],
)
def test_parameters_that_cannot_be_are_refused(asked: Asked, body: dict[str, Any], says: str) -> None:
    answer = asked("POST", "/tracks", json=body)
    assert (answer.status_code, says in answer.json()["detail"], asked.sent) == (422, True, []), answer.text


def test_only_a_job_with_results_can_be_tracked(asked: Asked) -> None:
    asked.change(state="running")
    assert "running" in asked.problem("POST", "/tracks", 409, "results_not_ready")
    asked.change(state="failed", summary=None)
    assert "without results" in asked.problem("POST", "/tracks", 409, "results_not_ready")
    assert asked.sent == []


def test_tracks_of_others_are_not_there(asked: Asked, users: list[tuple[str, str]]) -> None:
    asked.give()
    for method in ("GET", "POST"):
        asked.problem(method, "/tracks", 404, "not_found", token=users[1][0])
    assert asked.sent == []


def test_tracks_that_are_gone_are_named_and_leave_the_results(asked: Asked) -> None:
    asked.give()
    asked.services.storage.delete(tracks_key(asked.video, asked.job))
    assert len(asked("GET", "/results").json()["frames"]) == 3
    assert "POST" in asked.problem("GET", "/tracks", 409, "tracks_missing")
    assert "POST" in asked.problem("GET", "/export", 409, "tracks_missing", params={"format": "mot"})


def test_unset_is_not_stored() -> None:
    assert "error" not in to_json(TracksState(TracksStep.QUEUED, error=UNSET))
