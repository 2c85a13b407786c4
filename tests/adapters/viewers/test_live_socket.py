"""The WebSocket of a stream: a real api process, a real Valkey, and a client that knows RFC 6455."""

from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.tables import Stream
from contracts.live.streams import StreamState
from tests.support.live.live_api import LiveApi, Watcher
from tests.support.live.live_stream import H264, JPEG, RAW, LiveStream, time_ms
from tests.support.live.websocket import Closed, Refused
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until
from tests.support.watching import START, media, of_type

INIT, FRAGMENT, JPEG_KIND = 1, 2, 3


def test_it_begins_at_the_newest_keyframe_and_boxes_have_the_times_of_their_pictures(watcher: Watcher) -> None:
    stream = watcher.stream()
    for number in range(1, 7):
        stream.packet(key=number in (1, 4))
    with watcher.watch(stream) as socket:
        hello = socket.receive()
        assert isinstance(hello, dict)
        assert hello["type"] == "hello"
        assert hello["stream"] | {"live": None} == watcher.call("GET", f"/streams/{stream.id}").json() | {"live": None}
        socket.send(START)
        config = of_type(socket, "config")
        assert config == {
            "type": "config",
            "mime": H264.mime,
            "width": 640,
            "height": 480,
            "rotation": 0,
            "codec": "h264",
            "number": 1,
        }
        assert media(socket) == (INIT, False, 0.0, H264.init)
        shown = [media(socket) for _ in range(3)]
        assert [(kind, key, moment) for kind, key, moment, _ in shown] == [
            (FRAGMENT, key, time_ms(number)) for key, number in ((True, 4), (False, 5), (False, 6))
        ]
        assert shown[0][3].startswith(b"moof4 ")
        stream.result(6, track=(7).to_bytes(4, "little"))
        result = of_type(socket, "result")
        assert result["time_ms"] == shown[-1][2]
        assert result["frame"] == 6
        assert (result["width"], result["height"]) == (640, 480)
        assert result["latency_ms"] == pytest.approx(20, abs=1)
        found = {"label": "person", "class_id": 0, "score": 0.5, "box": [1.0, 2.0, 3.0, 4.0], "track": 7}
        assert result["detections"] == [found]
    page = watcher.call("GET", f"/streams/{stream.id}/results").json()
    assert [frame["detections"] for frame in page["frames"]] == [[found]]


def test_a_second_viewer_begins_at_once_and_all_get_what_follows(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.packet(key=True)
    with watcher.watch(stream) as first, watcher.watch(stream) as second:
        for socket in (first, second):
            socket.send(START)
            assert media(socket)[0] == INIT
            assert media(socket)[1:3] == (True, time_ms(1))
        stream.packet()
        assert [media(socket)[2] for socket in (first, second)] == [time_ms(2)] * 2


def test_jpegs_are_sent_as_they_are(watcher: Watcher) -> None:
    stream = watcher.stream(JPEG)
    made = stream.packet()
    with watcher.watch(stream) as socket:
        socket.send(START)
        assert of_type(socket, "config")["mime"] == "image/jpeg"
        assert media(socket) == (JPEG_KIND, True, time_ms(1), made.data)


def test_a_codec_that_browsers_cannot_show_is_named_and_detected_all_the_same(watcher: Watcher) -> None:
    stream = watcher.stream(RAW)
    stream.packet(key=True)
    with watcher.watch(stream) as socket:
        socket.send(START)
        assert of_type(socket, "config")["mime"] == ""
        stream.result(1)
        assert of_type(socket, "result")["frame"] == 1


def test_a_new_codec_comes_with_its_configuration(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.packet(key=True)
    with watcher.watch(stream) as socket:
        socket.send(START)
        assert media(socket)[0] == INIT
        assert media(socket)[2] == time_ms(1)
        stream.use(type(H264)(2, "h264", b"", 320, 240, 0, H264.mime, b"another"))
        stream.packet(key=True)
        assert of_type(socket, "config")["width"] == 320
        assert media(socket)[::3] == (INIT, b"another")
        assert media(socket)[2] == time_ms(2)


def test_lost_packets_are_followed_by_a_keyframe(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.packet(key=True)
    with watcher.watch(stream) as socket:
        socket.send(START)
        assert media(socket)[0] == INIT
        assert media(socket)[2] == time_ms(1)
        stream.packet(restart=True)
        stream.packet()
        stream.packet(key=True)
        assert media(socket)[1:3] == (True, time_ms(4))


def test_only_what_is_wanted_is_read_and_nothing_while_nobody_watches(watcher: Watcher) -> None:
    stream, readers = watcher.stream(), watcher.api.readers
    until(lambda: readers() == 0)
    stream.packet(key=True)
    with watcher.watch(stream) as socket:
        socket.send({"type": "start", "media": False, "results": True})
        until(lambda: readers() == 1)
        stream.result(1)
        of_type(socket, "result")
        socket.send({"type": "start", "media": True, "results": False})
        assert media(socket)[0] == INIT
        until(lambda: readers() == 1)
        socket.send(START)
        until(lambda: readers() == 2)
        socket.close()
        until(lambda: readers() == 0)


def test_stats_tell_the_state_once_a_second(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.state(StreamState.LIVE, fps=10.04, dropped={"network": 2})
    with watcher.watch(stream) as socket:
        stats = of_type(socket, "stats")
        assert (stats["state"], stats["fps_in"], stats["fps_out"]) == ("live", 10.04, 9.5)
        assert (stats["latency_ms"], stats["dropped"]) == ([20.0, 31.0], {"network": 2})
        with Session(watcher.api.engine) as session, session.begin():
            session.execute(update(Stream).where(Stream.id == stream.id).values(wanted="stopped"))
        of_type(socket, "stats", lambda stats: stats["state"] == "stopped")


def test_results_that_were_missed_come_first(watcher: Watcher) -> None:
    stream = watcher.stream()
    for number in range(1, 251):
        stream.result(number)
    with watcher.watch(stream) as socket:
        socket.send({**START, "after_ms": time_ms(3)})
        numbers = [of_type(socket, "result")["frame"] for _ in range(247)]
        assert numbers == list(range(4, 251))
        stream.result(251)
        assert of_type(socket, "result")["frame"] == 251


@pytest.mark.parametrize("stalled", [False, pytest.param(True, marks=pytest.mark.long)])
def test_it_ends_when_the_service_stops(valkey: Valkey, tmp_path: Path, *, stalled: bool) -> None:
    with LiveApi(valkey, tmp_path, ALLOWED_HOSTS="detector.example.org") as api:
        user = api.user()
        stream: LiveStream = user.stream()
        with pytest.raises(Refused) as refused:
            user.watch(stream, headers={"Host": "evil.example"})
        assert refused.value.status == 421
        with user.watch(stream) as socket, user.watch(stream, buffer=2048) as other:
            socket.send(START)
            if stalled:
                other.send(START)  # and reads nothing of it
            stream.packet(key=True, size=500_000)
            assert media(socket)[0] == INIT
            if not stalled:
                other.socket.close()
            api.server.terminate()
            with pytest.raises(Closed) as closed:
                of_type(socket, "never")
            assert closed.value.code == 1001
            assert api.server.wait(20) == 0
        assert "Traceback" not in api.log()


@pytest.mark.parametrize(
    "emptied", [pytest.param(False, marks=pytest.mark.long), True], ids=["restarted", "restarted empty"]
)
def test_a_viewer_goes_on_after_redis_was_away(tmp_path: Path, *, emptied: bool) -> None:
    with Valkey(tmp_path) as own, LiveApi(own, tmp_path) as api:
        user = api.user()
        stream = user.stream()
        stream.packet(key=True)
        with user.watch(stream) as socket:
            socket.send(START)
            assert media(socket)[0] == INIT
            assert media(socket)[2] == time_ms(1)
            until(lambda: api.readers() == 2)
            own.restart(empty=emptied)
            until(lambda: api.readers() == 2)
            stream.use(stream.config)
            stream.packet(key=True)
            while media(socket)[2] != time_ms(2):
                pass
            stream.result(2)
            assert of_type(socket, "result")["frame"] == 2
        assert "Traceback" not in api.log()
