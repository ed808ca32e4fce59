"""Supervision: a task that fails is started again, and never takes its neighbours with it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

_BACKOFF_S = (0.5, 30.0)
_HEALTHY_AFTER_S = 60.0  # a run this long makes the next failure a new one


async def supervise(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` until it returns; when it raises, log the traceback and run it again after a pause.

    The one place that catches every exception.
    """
    shortest_s, longest_s = _BACKOFF_S
    backoff_s = shortest_s
    loop = asyncio.get_running_loop()
    while True:
        started_s = loop.time()
        try:
            await work()
        except Exception:
            log.exception("task-failed", task=name)
        else:
            return
        if loop.time() - started_s > _HEALTHY_AFTER_S:
            backoff_s = shortest_s
        await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
        backoff_s = min(longest_s, backoff_s * 2)
