"""The rules engine as alerting sees it: announcements that are sent until they are acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from rules.transition import Announcement, encode_announcement
from transport import topics
from transport.acks import decode_ack
from transport.beat import Beat, encode_beat
from transport.errors import NotConnectedError
from transport.session import Endpoint, Session, open_session

AREA = "linjiang"
_AGAIN_S = 0.5


class Engine:
    """Sends announcements, and hears what alerting says to anybody."""

    def __init__(self, session: Session) -> None:
        self.acknowledged: set[tuple[str, int]] = set()
        self.shown: dict[str, bytes] = {}  # retained topics: warnings and alerting's state
        self._session = session
        self._news = asyncio.Event()  # a new one for each piece of news: nobody misses any

    async def tell(self, announcements: Iterable[Announcement]) -> None:
        """Send in order, and again, until everything is acknowledged."""
        left = list(announcements)
        while left:
            for announcement in left:
                with suppress(NotConnectedError):
                    await self._session.publish(topics.transition(AREA), encode_announcement(announcement))
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    while not {(one.epoch, one.seq) for one in left} <= self.acknowledged:
                        await self._changed()
            left = [one for one in left if (one.epoch, one.seq) not in self.acknowledged]

    async def say(self, payload: bytes) -> None:
        await self._session.publish(topics.transition(AREA), payload)

    async def beat(self, beat: Beat) -> None:
        await self._session.publish(topics.server_status("rules"), encode_beat(beat), retain=True)

    async def hears_of(self, announcement: Announcement) -> None:
        """Wait until alerting has acknowledged an announcement."""
        while (announcement.epoch, announcement.seq) not in self.acknowledged:
            await self._changed()

    async def sees(self, topic: str, *words: bytes) -> bytes:
        """Wait until a topic shows all the words."""
        while not all(word in self.shown.get(topic, b"") for word in (*words, b"{")):
            await self._changed()
        return self.shown[topic]

    async def listen(self) -> None:
        while True:
            for message in await self._session.receive(most=100):
                if message.topic == topics.transition_ack(AREA):
                    ack = decode_ack(message.payload)
                    self.acknowledged |= {
                        (ack.epoch, seq) for first, last in ack.ranges for seq in range(first, last + 1)
                    }
                else:
                    self.shown[message.topic] = message.payload
                news, self._news = self._news, asyncio.Event()
                news.set()

    async def _changed(self) -> None:
        await self._news.wait()


@asynccontextmanager
async def running_engine(broker: Endpoint) -> AsyncIterator[Engine]:
    subscriptions = (topics.transition_ack(AREA), topics.ANY_WARNING, topics.server_status("alerting"))
    async with open_session(broker, client_id="engine", subscriptions=subscriptions) as session:
        engine = Engine(session)
        listening = asyncio.create_task(engine.listen(), name="engine:listen")
        try:
            await session.connected.wait()
            yield engine
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
