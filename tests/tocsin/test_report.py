"""A commissioning report: what was read, the cut that lost nothing, and a signature that shows any change."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.edge.field import centre, district_of, instruments
from tests.edge.test_faults import MODBUS, MODBUS_INSTRUMENTS
from tests.tocsin.test_field import tocsin
from tocsin.signature import SignatureError, fingerprint_of, signed, verify
from tocsin.soak import Endured
from transport.session import Endpoint

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC_OF_ZERO = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
MODBUS_OFTEN = MODBUS.replace("every: 20s", "every: 1s")


async def reported(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Make a report of the district in ``folder``; the exit code and what it says."""
    place = ["--district", str(folder / "district"), "--out", str(folder / "report.html"), "--json"]
    code, out = await tocsin("report", "--by", "Li Wei", *place, *words)
    return code, json.loads(out)


@pytest.mark.server
async def test_a_gateway_is_read_and_cut_off_and_everything_arrives_and_is_signed(
    tmp_path: Path, broker: Endpoint
) -> None:
    district_of(tmp_path / "district", MODBUS_OFTEN)
    async with instruments(tmp_path / "sim", MODBUS_INSTRUMENTS) as sim, centre(broker) as there:
        buses = [part for bus, at in sim.endpoints.items() for part in ("--bus", f"{bus}={at}")]
        code, said = await reported(
            tmp_path, "--broker", broker.url, "--soak", "1", "--outage", "2", "--lang", "zh", *buses
        )

    outage = said["outage"]
    assert outage["ok"]
    assert set(outage["readings"]) == {"one", "two", "plc"}
    assert set(outage["arrived_after_s"]) == {"store", "rules"}
    assert {(outage["epoch"], seq) for seq in outage["sequences"]} <= set(there.batches)
    assert all(device["asked"] > 0 and not device["errors"] for device in said["devices"].values())
    assert (code, said["shortcomings"]) == (0, [])

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Li Wei" in page
    assert "断网期间的读数全部送达" in page
    assert "1.234 m" in page
    assert "38400-8N1" in page
    assert "未给定量程" in page
    assert page.count("<h2>") == 5  # buses, three devices, the outage
    assert verify((tmp_path / "report.html").read_bytes()) == said["key"]
    code, out = await tocsin("report", "--verify", tmp_path / "report.html", "--key", said["key"], "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    code, out = await tocsin("report", "--verify", tmp_path / "report.html", "--key", "00", "--json")
    assert (code, json.loads(out)["ok"]) == (1, False)


@pytest.mark.server
async def test_a_dead_instrument_and_a_centre_that_does_not_answer_are_wanting(
    tmp_path: Path, broker: Endpoint
) -> None:
    district_of(tmp_path / "district", MODBUS_OFTEN)
    async with instruments(tmp_path / "sim", MODBUS_INSTRUMENTS) as sim:
        await sim.set_fault("two", "silence")
        buses = [part for bus, at in sim.endpoints.items() for part in ("--bus", f"{bus}={at}")]
        code, said = await reported(
            tmp_path, "--broker", broker.url, "--soak", "0", "--outage", "1", "--patience", "1", *buses
        )

    assert code == 1
    assert {"two", "outage"} <= set(said["shortcomings"])
    assert "one" not in said["shortcomings"]
    assert said["outage"]["sequences"] == []
    assert said["devices"]["two"]["errors"]


def test_the_fingerprint_is_of_the_key_itself() -> None:
    assert KEY.public_key().public_bytes_raw().hex() == PUBLIC_OF_ZERO
    assert len(fingerprint_of(KEY.public_key())) == 32


@given(text=st.text(max_size=200), data=st.data())
def test_any_change_shows(text: str, data: st.DataObject) -> None:
    document = bytearray(signed(text, KEY))
    assert verify(bytes(document)) == fingerprint_of(KEY.public_key())
    place = data.draw(st.integers(0, len(document) - 1))
    document[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        signer = verify(bytes(document))
    except SignatureError:
        return
    assert signer != fingerprint_of(KEY.public_key())


def test_what_is_added_behind_the_signature_shows() -> None:
    with pytest.raises(SignatureError, match="added"):
        verify(signed("<p>all well", KEY) + b"<p>and more")


@given(took_ms=st.lists(st.floats(0.1, 1e4), min_size=2, max_size=50))
def test_a_percentile_lies_between_the_middle_and_the_longest(took_ms: list[float]) -> None:
    trips = Endured("gauge", took_ms=took_ms).round_trips()

    assert trips is not None
    middle, most, longest = trips
    assert middle <= most + 1e-9
    assert most <= longest + 1e-9
    assert longest == max(took_ms)
