"""The doctor: what keeps a gateway from its work is found, with what to do."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.app import SPOOL
from firmware_sim.gsm_modem import GsmModem
from tests.edge.field import district_of, instruments
from tests.edge.test_faults import MODBUS, MODBUS_INSTRUMENTS
from tests.servers import free_port, running_mosquitto
from tocsin.doctor_lines import holder_of
from tocsin.doctor_modem import examine_modem
from tocsin.upkeep import gateway_state
from transport.beat import Beat, encode_beat
from transport.outbox import open_outbox
from transport.session import Endpoint, Session, open_session
from transport.topics import server_status


async def examined(folder: Path, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """What the doctor says, by what was looked at."""
    command = [sys.executable, "-m", "tocsin", "doctor", "-d", str(folder), "--json", *words]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    remarks = json.loads(done.stdout)["remarks"]
    assert all(each["ok"] == (each["remedy"] is None) == (each["code"] is None) for each in remarks)
    return done.returncode, {each["what"]: each for each in remarks}


@pytest.mark.server
async def test_a_gateway_that_can_work_is_well(tmp_path: Path, broker: Endpoint) -> None:
    district_of(tmp_path / "district", MODBUS)
    async with instruments(tmp_path / "sim", MODBUS_INSTRUMENTS) as sim:
        buses = [part for bus, at in sim.endpoints.items() for part in ("--bus", f"{bus}={at}")]
        _, said = await examined(tmp_path / "district", "--broker", broker.url, *buses)

    mended_elsewhere = {"clock", "disk", "centre"}  # of the machine that runs the test, where no centre is
    assert {what for what, each in said.items() if not each["ok"]} <= mended_elsewhere
    assert {"configuration", "bus line", "bus plc", "spool gw", "broker"} <= set(said)


async def test_what_is_not_there_is_named_with_its_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "district"
    district_of(folder, MODBUS)
    nobody = f"127.0.0.1:{free_port()}"

    code, said = await examined(folder, "--broker", f"mqtt://{nobody}", "--bus", f"plc={nobody}")

    assert code == 1
    assert "/nowhere is not there" in said["bus line"]["said"]["en"]
    assert f"{nobody} does not answer" in said["bus plc"]["said"]["en"]
    assert "refused" in said["broker"]["said"]["en"].lower()
    assert "不存在" in said["bus line"]["said"]["zh"]


async def test_mistakes_in_the_files_come_first_and_the_rest_is_looked_at_too(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "district"
    district_of(folder, MODBUS)
    text = (folder / "devices.yaml").read_text(encoding="utf-8")
    (folder / "devices.yaml").write_text(text.replace("use: gauge", "use: gage", 1), encoding="utf-8")

    code, said = await examined(folder)

    assert code == 1
    assert next(iter(said)) == "configuration"
    assert "tocsin check" in said["configuration"]["remedy"]["en"]
    assert "disk" in said


@pytest.mark.server
async def test_a_broker_that_wants_another_name_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "district"
    district_of(folder, MODBUS)
    with running_mosquitto(tmp_path, settings="allow_anonymous false") as mosquitto:
        _, said = await examined(folder, "--broker", mosquitto.endpoint.url)

    assert "lets us not in" in said["broker"]["said"]["en"]


async def beating(session: Session, *, ahead_s: float) -> None:
    """The collector and the engine of a centre whose clock is ahead."""
    while True:
        for service in ("collector", "rules"):
            beat = Beat(service=service, state="up", wall_s=time.time() + ahead_s)
            await session.publish(server_status(service), encode_beat(beat))
        await asyncio.sleep(0.1)


@pytest.mark.server
async def test_a_clock_that_differs_from_the_centres_is_found(tmp_path: Path, broker: Endpoint) -> None:
    folder = tmp_path / "district"
    district_of(folder, MODBUS)
    async with open_session(broker, client_id="the-centre") as session:
        await asyncio.wait_for(session.connected.wait(), 10)
        beats = asyncio.create_task(beating(session, ahead_s=100.0))
        try:
            _, said = await examined(folder, "--broker", broker.url)
        finally:
            beats.cancel()

    assert said["centre"]["ok"]
    assert said["clock offset"]["code"] == "clock-off"
    assert said["clock offset"]["said"]["en"].startswith(("-99", "-100"))


async def test_a_damaged_spool_and_a_deep_one_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "district"
    district_of(folder, MODBUS)
    path = gateway_state(folder, None, "gw") / SPOOL
    async with open_outbox(path, epoch="e", consumers=["store"]) as outbox:
        await asyncio.gather(*(outbox.append(outbox.next_seq(), b"x" * 100) for _ in range(1500)))
    _, said = await examined(folder)
    assert "1500 batches wait" in said["spool gw"]["said"]["en"]

    path.write_bytes(b"?" * 5000)
    _, said = await examined(folder)
    assert "damaged" in said["spool gw"]["said"]["en"]


def test_who_holds_a_port_is_named() -> None:
    master, slave = os.openpty()
    name = Path(os.ttyname(slave))
    os.close(slave)
    try:
        assert holder_of(name) is None
        command = [sys.executable, "-c", "import sys; held = open(sys.argv[1]); input()", str(name)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
            while (holder := holder_of(name)) is None:
                assert other.poll() is None
            assert str(other.pid) in holder
            other.kill()
    finally:
        os.close(master)


MODEMS: dict[str, tuple[Callable[[GsmModem], object], str, str | None]] = {
    "well": (lambda _: None, "modem signal", None),
    "silent": (lambda modem: setattr(modem.faults, "silent", True), "modem", "modem-silent"),
    "no SIM": (lambda modem: setattr(modem.faults, "sim_missing", True), "modem SIM", "no-sim"),
    "refused": (lambda modem: setattr(modem.faults, "registration", 3), "modem network", "no-network"),
    "roaming": (lambda modem: setattr(modem.faults, "registration", 5), "modem signal", None),
    "faint": (lambda modem: setattr(modem.faults, "signal", 5), "modem signal", "faint-signal"),
}


@pytest.mark.parametrize("state", MODEMS)
async def test_a_modem_is_asked_step_by_step(state: str, tmp_path: Path) -> None:
    spoil, last, code = MODEMS[state]
    modem = GsmModem(tmp_path / "modem")
    modem.plug()
    spoil(modem)
    try:
        remarks = await asyncio.to_thread(examine_modem, str(tmp_path / "modem"), 115200)
    finally:
        await modem.close()

    assert (remarks[-1].what, remarks[-1].code or None) == (last, code)
    assert all(each.is_well for each in remarks[:-1])


async def test_a_locked_sim_wants_its_pin_and_a_try_is_not_wasted(tmp_path: Path) -> None:
    modem = GsmModem(tmp_path / "modem", pin="1234")
    modem.plug()
    try:
        remarks = await asyncio.to_thread(examine_modem, str(tmp_path / "modem"), 115200)
    finally:
        await modem.close()

    assert remarks[-1].code == "sim-locked"
    assert modem.pin_attempts == []


async def test_a_faint_signal_is_told_in_decibels(tmp_path: Path) -> None:
    modem = GsmModem(tmp_path / "modem")
    modem.plug()
    modem.faults.signal = 5  # 3GPP TS 27.007: -113 dBm at 0, two more a step
    try:
        remarks = await asyncio.to_thread(examine_modem, str(tmp_path / "modem"), 115200)
    finally:
        await modem.close()

    assert "-103 dBm" in remarks[-1].said.en


def test_a_modem_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    (remark,) = examine_modem(str(tmp_path / "nothing"), 115200)

    assert remark.code == "no-port"
