"""A gateway's autonomy, put together: the watch over the centre, the sirens, and the telling afterwards."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from district.inventory import Gateway
from edge.alone import ALERTING, AWAY_AFTER_S, Alone, Danger, Judge
from edge.modbus.bus import ModbusBus
from edge.siren import Sirens
from edge.timekeeping import steady_s
from transport.clock import Clock
from transport.courier import Courier
from transport.deeds import Deed, encode_deed
from transport.outbox import open_outbox
from transport.session import Session
from transport.topics import GatewayTopics

DEEDS = "deeds.sqlite"
SOUNDING = "sirens.json"


class Autonomy:
    """What a gateway does by itself, and the outbox by which it tells of it."""

    def __init__(self, alone: Alone, sirens: Sirens, courier: Courier) -> None:
        self.alone = alone
        self._sirens = sirens
        self._courier = courier

    def services(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What must run beside the buses, by name."""
        return {"alone": self.alone.run, "sirens": self._sirens.run, "deeds": self._courier.run}

    async def rest(self) -> None:
        """Silence the sirens and sound none any more: nobody could switch them off in time."""
        await self._sirens.rest()

    async def acknowledged(self, payload: bytes) -> None:
        """Take an acknowledgement; those of readings change nothing here.

        Raises:
            WireError: The payload is none.
        """
        await self._courier.heard(payload)


@asynccontextmanager
async def open_autonomy(
    gateway: Gateway,
    judge: Judge,
    session: Session,
    *,
    bus_of: Callable[[str], ModbusBus | None],
    state_dir: Path,
    clock: Clock,
    away_after_s: float = AWAY_AFTER_S,
) -> AsyncIterator[Autonomy]:
    """Build a gateway's autonomy; what it did is on disk until alerting has it.

    Raises:
        sqlite3.Error: The file of deeds cannot be opened.
    """
    topic = GatewayTopics(gateway.area, gateway.id).deed
    async with open_outbox(state_dir / DEEDS, epoch=secrets.token_hex(8), consumers=[ALERTING]) as outbox:
        courier = Courier(outbox, session, live_topic=topic, replay_topics={ALERTING: topic})

        async def tell(siren: str, danger: Danger) -> None:
            deed = Deed(
                gateway=gateway.id,
                epoch=outbox.epoch,
                seq=outbox.next_seq(),
                at_ms=clock.now_ms(),
                what="siren-sounds",
                siren=siren,
                rule=danger.rule,
                subject=danger.subject,
                level=danger.level,
                value=danger.value,
                since_ms=danger.since_ms,
            )
            await courier.send(deed.seq, encode_deed(deed))

        sirens = Sirens(gateway.sirens, bus_of=bus_of, path=state_dir / SOUNDING, wall_s=time.time)
        alone = Alone(
            judge,
            gateway.alone,
            sirens,
            monotonic_s=steady_s,
            done=tell,
            away_after_s=away_after_s,
        )
        yield Autonomy(alone, sirens, courier)
