"""Ends tasks."""

import asyncio
from typing import Any

_AGAIN_SECONDS = 0.2


async def cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for its end. The library of Redis swallows a cancellation while it connects, so it is
    repeated."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_SECONDS)
