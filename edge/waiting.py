"""Waiting for an event time, unless the agent is asked to stop first."""

import asyncio
from contextlib import suppress
from datetime import datetime

from transport.clock import Clock

_LONGEST_NAP_S = 60.0  # a wall clock may be set meanwhile
_COARSE_S = 0.0015


async def reached(clock: Clock, event: datetime, stop: asyncio.Event) -> bool:
    """Wait until event time comes to ``event``; false if ``stop`` was set before."""
    while not stop.is_set() and (left_s := clock.wall_s(event) - clock.wall()) > 0:
        await stopped_within(stop, min(left_s, _LONGEST_NAP_S))
    return not stop.is_set()


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for ``stop``, at most ``seconds``; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()


async def until_s(instant_s: float) -> None:
    """Wait until the loop's clock shows ``instant_s``, to a tenth of a millisecond.

    The loop's own timers are late by up to a millisecond, which on a busy line is paid at every request.
    """
    loop = asyncio.get_running_loop()
    if (left_s := instant_s - loop.time()) > _COARSE_S:
        await asyncio.sleep(left_s - _COARSE_S)
    while loop.time() < instant_s:  # noqa: ASYNC110  (no event tells the time)
        await asyncio.sleep(0)


async def until_stopped(stop: asyncio.Event, *tasks: "asyncio.Task[None]") -> None:
    """Wait for ``stop``, or raise what ended one of the tasks before."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        stopping.cancel()
