"""Pictures of streams, taken when alerts are raised: their recordings, if there are any, have others later."""

import logging
from collections.abc import Sequence

from redis import RedisError

from contracts.database.tables import Alert
from contracts.errors import NoPicture, StorageFull, Unavailable
from contracts.live import snapshot
from contracts.storage.port import alert_picture_key
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)

_MOST_BYTES = 1024 * 1024


def take_pictures(services: Services, alerts: Sequence[Alert]) -> None:
    """Store the newest picture of their stream for each of these alerts. An alert without one is an alert all the
    same."""
    rows = AlertRows(services.repository.engine)
    for stream_id in sorted({alert.stream_id for alert in alerts if alert.stream_id and alert.video_id is None}):
        try:
            picture = snapshot.newest(services.live, stream_id).content
            for alert in alerts if len(picture) <= _MOST_BYTES else ():
                if alert.stream_id == stream_id:
                    _store(services, rows, alert.id, picture)
        except (NoPicture, RedisError, StorageFull, Unavailable) as error:
            log.info("there is no picture of stream %s for its alerts: %s", stream_id, error)


def _store(services: Services, rows: AlertRows, alert_id: str, picture: bytes) -> None:
    key = alert_picture_key(alert_id)
    with services.storage.create(key) as sink:
        sink.write(picture)
    if not rows.note_picture(alert_id, stored=True):  # deleted meanwhile
        services.storage.delete(key)
