"""Deeds: what a gateway did by itself, told to the centre when it is back."""

import msgspec

from transport.wire import read_json


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a gateway did; ``(gateway, epoch, seq)`` names it for good."""

    gateway: str
    epoch: str
    seq: int
    at_ms: int  # event time
    what: str  # such as "siren-sounds"
    siren: str
    rule: str
    subject: str
    level: str
    value: float | None
    since_ms: int  # since when the alarm had stood

    @property
    def name(self) -> str:
        """What it is recorded by, once."""
        return f"{self.gateway}/{self.epoch}/{self.seq}"


_decoder = msgspec.json.Decoder(Deed)


def encode_deed(deed: Deed) -> bytes:
    """The deed as it travels and is kept."""
    return msgspec.json.encode(deed)


def decode_deed(payload: bytes) -> Deed:
    """Read a deed from the wire.

    Raises:
        WireError: The payload is none.
    """
    return read_json(payload, _decoder, what="a deed")
