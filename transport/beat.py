"""Signs of life: what every process says of itself at an interval, so that silence is noticed."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal

import msgspec

from transport.clock import Clock
from transport.errors import NotConnectedError
from transport.session import Session, Will
from transport.wire import read_json

BEAT_EVERY_S = 5.0  # wall time; silence of thirty seconds raises a maintenance episode


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of life of a gateway or server process."""

    service: str
    state: Literal["up", "down"]
    at_ms: int = 0  # event time
    wall_s: float = 0.0
    counters: dict[str, float] = {}  # what the process has done since it started


_decoder = msgspec.json.Decoder(Beat)


def encode_beat(beat: Beat) -> bytes:
    """The beat as it travels."""
    return msgspec.json.encode(beat)


def decode_beat(payload: bytes) -> Beat:
    """Read a beat from the wire.

    Raises:
        WireError: The payload is none.
    """
    return read_json(payload, _decoder, what="a beat")


def beat_will(topic: str, service: str) -> Will:
    """The will by which the broker says that the process is gone."""
    return Will(
        topic=topic,
        alive=encode_beat(Beat(service=service, state="up")),
        gone=encode_beat(Beat(service=service, state="down")),
    )


async def keep_beating(
    session: Session,
    topic: str,
    service: str,
    *,
    clock: Clock,
    counters: Callable[[], Mapping[str, float]],
    every_s: float = BEAT_EVERY_S,
) -> None:
    """Say at an interval that the process lives and what it has done, until cancelled."""
    while True:
        await session.connected.wait()
        beat = Beat(
            service=service,
            state="up",
            at_ms=clock.now_ms(),
            wall_s=clock.wall(),
            counters=dict(counters()),
        )
        with suppress(NotConnectedError):
            await session.publish(topic, encode_beat(beat), retain=True)
        await asyncio.sleep(every_s)
