"""Run one long-running part until it is asked to end; what goes wrong becomes a message and an exit code."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TypeVar

import structlog

from tocsin.manager import ServiceManager

OK, FINDINGS, USAGE = 0, 1, 2
INTERRUPTED = 128 + signal.SIGINT

Result = TypeVar("Result")


def configure_logs(least: int = logging.INFO) -> None:
    """Logs of at least that level go to stderr: for people at a terminal, as JSON lines elsewhere."""
    people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if people
            else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever stderr is by then
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)  # libraries speak only of what broke


def run_until_signal(run: Callable[[asyncio.Event], Coroutine[None, None, Result]]) -> Result:
    """Run ``run`` and set its event at SIGINT, SIGTERM or SIGHUP; a second signal ends it at once."""

    async def main() -> Result:
        stop = asyncio.Event()
        manager = ServiceManager(os.environ)
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def asked() -> None:
            manager.tell("STOPPING=1")
            if stop.is_set() and task is not None:
                task.cancel()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, asked)
        async with manager.watching():
            return await run(stop)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        sys.exit(INTERRUPTED)
