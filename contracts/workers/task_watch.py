"""Follows tasks through the broker: their trace, how long they waited and took, and how they ended.

A message has the header `traceparent` of the span that sent it, and `sent_at`, Unix seconds. Older releases neither
write nor read these.
"""

import time
from contextvars import Token
from typing import Any

from celery import signals

from contracts.metrics.table import QUEUE_WAIT, TASK_SECONDS, TASKS
from contracts.metrics.totals import Counts
from contracts.runtime import steps, tracing

SENT_AT = "sent_at"
_OUTCOMES = {"SUCCESS": "done", "IGNORED": "done", "RETRY": "retry", "REJECTED": "rejected"}


def mark_messages() -> None:
    """From now on the messages that this process sends have the headers."""
    signals.before_task_publish.connect(_mark, weak=False, dispatch_uid="web-detector.mark")


def _mark(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is None:
        return
    if (traceparent := tracing.traceparent()) is not None:
        headers[tracing.HEADER] = traceparent
    headers[SENT_AT] = None if headers.get("eta") else time.time()  # one that is to wait is not late


class TaskWatch:
    """Of a process that runs tasks, in one thread or several."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._running: dict[str, tuple[Token[tracing.Span | None], float]] = {}

    def connect(self) -> None:
        """Watch the tasks of this process, and of those that it forks."""
        signals.task_prerun.connect(self._begin, weak=False)
        signals.task_postrun.connect(self._end, weak=False)

    def _begin(self, task_id: str, task: Any, **_: Any) -> None:
        request = task.request
        span = tracing.named(getattr(request, tracing.HEADER, None)) or tracing.begun()
        self._running[task_id] = (tracing.enter(span), time.monotonic())
        queue = str((request.delivery_info or {}).get("routing_key", ""))
        facts: dict[str, steps.Fact] = {
            "messaging.system": "celery",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": queue,
            "messaging.message.id": task_id,
            "web_detector.task": task.name,
        }
        sent_at = getattr(request, SENT_AT, None)
        if isinstance(sent_at, float):
            waited = max(0.0, time.time() - sent_at)
            self._counts.add(QUEUE_WAIT, waited, queue)
            facts["web_detector.queue_wait_s"] = waited
        steps.receive(facts)

    def _end(self, task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
        found = self._running.pop(task_id, None)
        if found is None:
            return
        token, began = found
        self._counts.add(TASK_SECONDS, time.monotonic() - began, task.name)
        self._counts.add(TASKS, 1, task.name, _OUTCOMES.get(state or "", "failed"))
        self._counts.flush()
        steps.receive(None)
        tracing.leave(token)
