"""The labels by which results of streams are named: those that the model of their plan had."""

import logging
from typing import Any

import redis
from anyio.to_thread import run_sync

from contracts.errors import WebDetectorError
from contracts.live import keys
from contracts.live.plans import labels_of
from contracts.models.catalogue import Catalogue

log = logging.getLogger(__name__)

_MOST = 1000

Labels = tuple[str, ...]


class PlanLabels:
    """Keeps what it has found: a plan never changes."""

    def __init__(self, client: "redis.Redis", catalogue: Catalogue) -> None:
        self._redis = client
        self._catalogue = catalogue
        self._known: dict[tuple[str, int], Labels] = {}

    async def of(self, stream_id: str, plan: int) -> Labels:
        """The labels by class number; () where plan or model are not known. Raises RedisError."""
        known = self._known.get((stream_id, plan))
        return await run_sync(self.read, stream_id, plan) if known is None else known

    def read(self, stream_id: str, plan: int) -> Labels:
        """The same, blocking."""
        known = self._known.get((stream_id, plan))
        if known is not None:
            return known
        data: Any = self._redis.hget(keys.plans(stream_id), str(plan))
        labels = labels_of(data, self._catalogue)
        if len(self._known) >= _MOST:
            self._known.clear()
        if labels:  # else plan or model may come later
            self._known[stream_id, plan] = labels
        return labels

    def of_model(self, model: str) -> Labels:
        """The labels of a model as it is now, () for one that is not in the catalogue."""
        try:
            return self._catalogue.get(model).labels
        except WebDetectorError:
            return ()
