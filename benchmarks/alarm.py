"""How late an alarm is: from a camera's frame to the call of a webhook, through a whole service.

    make bench-alarm [VISITS=10]

A camera by RTSP shows nobody, and somebody every four seconds, with 25 frames/s; a rule about its stream calls a
webhook on this machine. Told is the time from the arrival of the first frame that shows the visitor to the arrival of
the call. In it: two more frames, since a track is one from its third frame on, the tiny model, the rule, the
transaction that writes the alert, and the api's look for what is to be delivered.
"""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.live_service import LiveService, beside, percentiles
from benchmarks.report import record, spread, table
from tests.support.models import tiny_model
from tests.support.servers.processes import running
from tests.support.servers.webhook_receiver import Call, Receiver
from tests.support.videos.live import visits

GOAL_MS = 2000.0
AWAY, THERE = 75, 25
SETTINGS = {"TRACKS": "on", "STREAM_ALLOW_NETWORKS": "127.0.0.0/8", "WEBHOOK_ALLOW_NETWORKS": "127.0.0.1/32"}


def delays(folder: Path, number: int) -> list[float]:
    """Of so many visits, in ms."""
    came: list[float] = []

    def answer(call: Call) -> int:
        came.append(1000 * time.time() - call.content["alert"]["at_ms"])
        return 204

    films = folder / "films"
    films.mkdir()
    (films / "door.mp4").write_bytes(visits(AWAY, THERE).content)
    with (
        LiveService(folder / "service", **SETTINGS) as service,
        Receiver() as receiver,
        running("rtsp_server", str(films)) as server,
    ):
        receiver.answer = answer
        client = service.running.client()
        webhook = client.call("POST", "/webhooks", 201, json={"url": receiver.url, "jobs": False})["id"]
        rule = {"name": "door", "search": {"label": ["person"]}, "webhook_id": webhook, "at_most_one_in_s": 1}
        client.call("POST", "/alert-rules", 201, json=rule)
        url = f"rtsp://127.0.0.1:{server.port}/door.mp4?play_count=0"
        client.call("POST", "/streams", 201, json={"kind": "rtsp", "url": url, "name": "door", "model": tiny_model.ID})
        receiver.wait(number + 1)
    return came[1 : number + 1]  # the first one waits for the model and the rules' first look


def main(number: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bench-alarm-") as name:
        found = delays(Path(name), number)
    middle, late = percentiles(found)
    goal = beside(late < GOAL_MS, f"{GOAL_MS:.0f}")
    table(
        ["from a frame to the webhook", "visits", "ms p50", "p95", "most", "goal (p95)"],
        [["RTSP, 25 frames/s", len(found), f"{middle:.0f}", f"{late:.0f}", f"{max(found):.0f}", goal]],
    )
    record("alarm", {"ms": spread(found, 1), "p95": round(late, 1), "goal_ms": GOAL_MS})


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1] else 10)
