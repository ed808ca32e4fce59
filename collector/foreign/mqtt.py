"""Other people's readings over MQTT: at the district's broker, or at theirs."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic

import msgspec

from collector.foreign.reception import Reception
from collector.foreign.sparkplug import Command, Sparkplug
from collector.foreign.statement import ForeignError, Told
from edge.waiting import until_stopped
from transport.clock import Clock
from transport.errors import NotConnectedError
from transport.session import Endpoint, Message, Session, Will, open_session

_MOST_MESSAGES = 200  # taken at once
_LOOK_EVERY_S = 0.5

Read = Callable[[str, bytes], Told]
"""What a message on a topic says; raises ForeignError if it is none."""


class MqttReader:
    """Hears one bus's topics.

    Args:
        endpoint: The broker.
        client_id: Our name there.
        topics: What to subscribe to.
        read: Understands a message.
        reception: Takes what it says.
    """

    def __init__(
        self, endpoint: Endpoint, client_id: str, topics: Iterable[str], read: Read, reception: Reception
    ) -> None:
        self._endpoint = endpoint
        self._client_id = client_id
        self._topics = list(topics)
        self._read = read
        self._reception = reception

    async def run(self, stop: asyncio.Event) -> None:
        """Hear until ``stop``."""
        async with open_session(
            self._endpoint, client_id=self._client_id, subscriptions=self._topics
        ) as session:
            hearing = asyncio.create_task(self._hear(session), name=f"foreign:{self._client_id}")
            await _until(stop, hearing)

    async def _hear(self, session: Session) -> None:
        while True:
            for message in await session.receive(most=_MOST_MESSAGES):
                _take(self._reception, self._read, message)
            await self._reception.bury()


class SparkplugReader:
    """Hears the edge nodes of one bus, and asks them for what is missing.

    Args:
        endpoint: The broker.
        client_id: Our name there.
        sparkplug: Understands them.
        host: The primary host that we are to them; none if they wait for none.
        reception: Takes what they say.
        clock: Event time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client_id: str,
        sparkplug: Sparkplug,
        *,
        host: str | None,
        reception: Reception,
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._client_id = client_id
        self._sparkplug = sparkplug
        self._host = host
        self._reception = reception
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Hear until ``stop``."""
        async with open_session(
            self._endpoint,
            client_id=self._client_id,
            subscriptions=self._sparkplug.topics,
            will=None if self._host is None else _host_will(self._host, self._clock.now_ms()),
        ) as session:
            await _until(
                stop,
                asyncio.create_task(self._hear(session), name=f"foreign:{self._client_id}"),
                asyncio.create_task(self._greet(session), name=f"foreign:{self._client_id}:births"),
            )

    async def _hear(self, session: Session) -> None:
        while True:
            commands: list[Command] = []
            for message in await session.receive(most=_MOST_MESSAGES):

                def read(topic: str, payload: bytes, asked: list[Command] = commands) -> Told:
                    told, more = self._sparkplug.hear(
                        topic, payload, now_s=monotonic(), now_ms=self._clock.now_ms()
                    )
                    asked += more
                    return told

                _take(self._reception, read, message)
            await _send(session, commands)
            await self._reception.bury()

    async def _greet(self, session: Session) -> None:
        """At each connection ask every node for its birth, as no broker keeps one; then those in doubt."""
        greeted = 0
        while True:
            await session.connected.wait()
            is_new, greeted = session.generation != greeted, session.generation
            ask = self._sparkplug.ask_all if is_new else self._sparkplug.ask_due
            await _send(session, ask(monotonic(), self._clock.now_ms()))
            await asyncio.sleep(_LOOK_EVERY_S)


def _take(reception: Reception, read: Read, message: Message) -> None:
    try:
        told = read(message.topic, message.payload)
    except ForeignError as exc:
        reception.refuse(str(exc), message.topic, message.payload)
    else:
        reception.take(reception.map(told, message.topic).readings)


async def _send(session: Session, commands: Iterable[Command]) -> None:
    """Send commands; one that does not go is asked again by what comes next."""
    for command in commands:
        try:
            await session.publish(command.topic, command.payload)
        except NotConnectedError:
            return


def _host_will(host: str, now_ms: int) -> Will:
    """The state of a primary host, as Sparkplug 3 says it."""

    def state(*, online: bool) -> bytes:
        return msgspec.json.encode({"online": online, "timestamp": now_ms})

    return Will(topic=f"spBv1.0/STATE/{host}", alive=state(online=True), gone=state(online=False))


async def _until(stop: asyncio.Event, *tasks: "asyncio.Task[None]") -> None:
    try:
        await until_stopped(stop, *tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
