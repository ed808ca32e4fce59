"""Whatever comes from outside is read, or refused in one way."""

from collections.abc import Callable

import pytest

from transport.acks import decode_ack
from transport.batch import decode_batch
from transport.beat import decode_beat
from transport.errors import WireError

HOSTILE = {
    "nothing": b"",
    "no json": b"\xff\x00",
    "another type": b"[]",
    "broken text": b'{"gateway":"\x80","consumer":"\x80","service":"\x80"}',
    "half a surrogate": rb'{"gateway":"\ud800","consumer":"\ud800","service":"\ud800"}',
    "deeply nested": b'{"more":' + b"[" * 200_000,
    "cut short": b'{"gateway":"g","epoch":"e","se',
}


@pytest.mark.parametrize("decode", [decode_ack, decode_batch, decode_beat])
@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_payload_is_a_wire_error(decode: Callable[[bytes], object], payload: bytes) -> None:
    with pytest.raises(WireError):
        decode(payload)
