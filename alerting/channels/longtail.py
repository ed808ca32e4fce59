"""The long tail of services, by the apprise library: an extra, ``pip install tocsin[apprise]``.

Apprise is synchronous and tells success from failure, no more: it runs in threads of its own, every failure
counts as one that may pass, and there is no later word of delivery. Whatever has a channel of its own here
should be reached by that one.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import apprise

from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.errors import ChannelDownError, ChannelRefusedError, ChannelSetupError
from rules.transition import Level

CHANNEL = "apprise"
_THREADS = 8
_TYPES = {Level.NORMAL: apprise.NotifyType.SUCCESS, Level.BLUE: apprise.NotifyType.INFO} | {
    Level.YELLOW: apprise.NotifyType.WARNING,
    Level.ORANGE: apprise.NotifyType.WARNING,
    Level.RED: apprise.NotifyType.FAILURE,
}


class AppriseChannel:
    """Tells services; a recipient's address is the name of one."""

    def __init__(self, services: Mapping[str, Any], threads: ThreadPoolExecutor, *, timeout_s: float) -> None:
        self._services = services
        self._threads = threads
        self._timeout_s = timeout_s

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Tell the recipient's service once.

        Raises:
            ChannelDownError: It was not told, for whatever reason.
            ChannelRefusedError: No service of that name is set up.
        """
        service = self._services.get(to.address)
        if service is None:
            raise ChannelRefusedError(f"{CHANNEL}: no service {to.address!r} is set up")
        texts = warning.texts[to.language]
        tell = partial(
            service.notify,
            title=texts.headline,
            body=f"{texts.description}\n\n{texts.instruction}",
            notify_type=_TYPES[warning.level],
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                told = await asyncio.get_running_loop().run_in_executor(self._threads, tell)
        except TimeoutError as exc:
            raise ChannelDownError(f"{CHANNEL}: no answer within {self._timeout_s:g} s") from exc
        except Exception as exc:  # its services raise what they please
            raise ChannelDownError(f"{CHANNEL}: {type(exc).__name__}") from exc
        if not told:
            raise ChannelDownError(f"{CHANNEL}: {to.address} was not told")
        return Receipt(ReceiptState.SENT)


@asynccontextmanager
async def open_apprise(urls: Mapping[str, str], *, timeout_s: float = 20.0) -> AsyncIterator[AppriseChannel]:
    """The channel and its threads.

    Args:
        urls: Apprise's URL of each service; they hold secrets.
        timeout_s: How long a service may take; a thread that takes longer goes on until its own end.

    Raises:
        ChannelSetupError: A URL is none that apprise knows.
    """
    services: dict[str, Any] = {}
    for name, url in urls.items():
        services[name] = apprise.Apprise.instantiate(url)  # alone: together they share threads of their own
        if services[name] is None:
            raise ChannelSetupError(f"{CHANNEL}: the URL of {name} is none that apprise knows")
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=CHANNEL)
    try:
        yield AppriseChannel(services, threads, timeout_s=timeout_s)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
