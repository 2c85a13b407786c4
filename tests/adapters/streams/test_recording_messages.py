"""Messages about recordings on their way to the processor."""

import base64
import json
from pathlib import Path
from typing import Any

import redis
from kombu.exceptions import OperationalError

from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened
from contracts.settings.load import load
from contracts.wire.messages import from_json
from contracts.wire.tasks import CLOSE_RECORDING, OPEN_RECORDING, QUEUE_PROCESSOR
from ingest.recording_messages import Sender
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

OPENED = RecordingOpened("1", "stream", "user", 90, 12.5, "ingest")
CLOSED = RecordingClosed("1", "stream", 900, 10, 5000, RecordingEnd.ROLLED)


def waiting(client: redis.Redis) -> list[tuple[str, Any]]:
    """(task, argument) of the messages in the queue, the oldest first."""
    found: Any = client.lrange(QUEUE_PROCESSOR, 0, -1)
    messages = [json.loads(data) for data in reversed(found)]
    return [(one["headers"]["task"], json.loads(base64.b64decode(one["body"]))[0][0]) for one in messages]


def test_messages_reach_the_processor_also_after_a_restart_of_the_broker(tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey:
        settings = load("ingest", {"BROKER_URL": valkey.broker_url, "RESULT_STORE_URL": valkey.url})
        send, client = Sender(settings), redis.Redis.from_url(valkey.url.replace("db=1", "db=0"))
        send(OPENED)
        assert [task for task, _ in waiting(client)] == [OPEN_RECORDING]
        assert from_json(waiting(client)[0][1], RecordingOpened) == OPENED
        valkey.restart(empty=True)

        def sent() -> bool:
            try:
                send(CLOSED)
            except (OperationalError, OSError):  # what its caller waits for
                return False
            return True

        until(sent)
        assert [task for task, _ in waiting(client)] == [CLOSE_RECORDING]
        assert from_json(waiting(client)[0][1], RecordingClosed) == CLOSED
