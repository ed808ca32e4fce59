"""The kinds of bus and who owns one of each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never
from zoneinfo import ZoneInfo

from district.bus import (
    Bus,
    Hj212SerialBus,
    Hj212TcpBus,
    HostPort,
    ModbusRtuBus,
    ModbusTcpBus,
    parse_host_port,
)
from district.bustime import silence_s
from district.findings import SpecError
from district.inventory import Device
from edge.counters import Counters
from edge.errors import EdgeSpecError
from edge.hj212.conversation import Conversation
from edge.hj212.listeners import StationServer, listen_serial
from edge.hj212.stations import Stations
from edge.intake import Intake
from edge.link import Dial, Link, dial_serial, dial_tcp
from edge.modbus.bus import ModbusBus, Timing, rtu_bus, tcp_bus
from edge.modbus.poller import BusPoller
from edge.modbus.unit import ModbusUnit, plan_of
from transport.clock import Clock

Work = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set; returns once its bus is closed and all it said is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the owner of a bus needs beside its description."""

    bus_id: str
    devices: Sequence[Device]
    endpoint: str | None  # takes the place of the configured port or address
    passwords: Mapping[str, str]  # by device id
    timezone: ZoneInfo
    clock: Clock
    intake: Intake
    counters: Counters


def bus_work(spec: Bus, wiring: Wiring) -> list[Work]:
    """The tasks of one bus; exactly one of them touches its port.

    Raises:
        EdgeSpecError: The bus, its endpoint or a device on it is impossible.
    """
    match spec:
        case ModbusRtuBus():
            return [_modbus_rtu(spec, wiring).run]
        case ModbusTcpBus():
            return [_modbus_tcp(spec, wiring).run]
        case Hj212SerialBus():
            stations = _stations(wiring)
            link = _link(wiring, dial_serial(wiring.endpoint or spec.port, spec.line))
            listen = partial(
                listen_serial, wiring.bus_id, link, _conversation(stations, wiring, wiring.bus_id)
            )
            return [listen, stations.watch]
        case Hj212TcpBus():
            stations = _stations(wiring)
            listen_at = _address(wiring) or spec.listen
            server = StationServer(wiring.bus_id, listen_at, partial(_conversation, stations, wiring))
            return [server.run, stations.watch]
        case _:
            assert_never(spec)


def _modbus_rtu(spec: ModbusRtuBus, wiring: Wiring) -> BusPoller:
    timing = Timing(
        timeout_s=spec.timeout.total_seconds(),
        gap_s=max(spec.gap.total_seconds(), silence_s(spec)),
        char_s=spec.line.char_s,
    )
    link = _link(wiring, dial_serial(wiring.endpoint or spec.port, spec.line))
    return _poller(spec, rtu_bus(link, timing), wiring)


def _modbus_tcp(spec: ModbusTcpBus, wiring: Wiring) -> BusPoller:
    address = _address(wiring) or HostPort(host=spec.host, port=spec.port)
    link = _link(wiring, dial_tcp(address))
    return _poller(spec, tcp_bus(link, timeout_s=spec.timeout.total_seconds()), wiring)


def _poller(spec: ModbusRtuBus | ModbusTcpBus, bus: ModbusBus, wiring: Wiring) -> BusPoller:
    plan = plan_of(spec)
    return BusPoller(
        wiring.bus_id,
        bus,
        [ModbusUnit(device, bus, plan) for device in wiring.devices],
        attempt_s=spec.timeout.total_seconds(),
        clock=wiring.clock,
        intake=wiring.intake,
        counters=wiring.counters,
    )


def _stations(wiring: Wiring) -> Stations:
    return Stations(
        wiring.devices,
        passwords=wiring.passwords,
        timezone=wiring.timezone,
        clock=wiring.clock,
        intake=wiring.intake,
        counters=wiring.counters,
    )


def _conversation(stations: Stations, wiring: Wiring, name: str) -> Conversation:
    return Conversation(name, stations, wiring.intake, wiring.counters)


def _link(wiring: Wiring, dial: Dial) -> Link:
    return Link(wiring.bus_id, dial, now_ms=wiring.clock.now_ms)


def _address(wiring: Wiring) -> HostPort | None:
    if wiring.endpoint is None:
        return None
    try:
        address: HostPort = parse_host_port(wiring.endpoint)
    except SpecError as exc:
        raise EdgeSpecError(f"bus {wiring.bus_id}: {exc}") from exc
    return address
