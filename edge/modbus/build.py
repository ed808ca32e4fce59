"""From the description of a Modbus bus to its owner; nothing is open yet."""

from collections.abc import Callable

from district.bus import (
    HostPort,
    ModbusAsciiBus,
    ModbusAsciiTcpBus,
    ModbusBus,
    ModbusRtuBus,
    ModbusTcpBus,
    parse_host_port,
)
from district.bustime import silence_s
from district.findings import SpecError
from edge.errors import EdgeSpecError
from edge.link import Dial, Link, dial_serial, dial_tcp
from edge.modbus.bus import ModbusBus as BusOwner
from edge.modbus.bus import Timing, ascii_bus, rtu_bus, tcp_bus


def build_bus(
    spec: ModbusBus, bus_id: str, *, now_ms: Callable[[], int], endpoint: str | None = None
) -> BusOwner:
    """The owner of a Modbus bus.

    Args:
        spec: The bus as people described it.
        bus_id: What logs call it.
        now_ms: Event time.
        endpoint: A serial port or ``HOST:PORT`` that takes the place of the configured one.

    Raises:
        EdgeSpecError: The endpoint is no address.
    """
    timeout_s = spec.timeout.total_seconds()
    link = Link(bus_id, dial_bus(spec, bus_id, endpoint), now_ms=now_ms)
    if isinstance(spec, ModbusTcpBus):
        return tcp_bus(link, timeout_s=timeout_s)
    gap_s = max(spec.gap.total_seconds(), silence_s(spec))
    timing = Timing(timeout_s=timeout_s, gap_s=gap_s, char_s=spec.line.char_s)
    build = ascii_bus if isinstance(spec, ModbusAsciiBus | ModbusAsciiTcpBus) else rtu_bus
    return build(link, timing)


def dial_bus(spec: ModbusBus, bus_id: str, endpoint: str | None = None) -> Dial:
    """How to open a bus's port or connection.

    Raises:
        EdgeSpecError: The endpoint is no address.
    """
    if isinstance(spec, ModbusRtuBus | ModbusAsciiBus):
        return dial_serial(endpoint or spec.port, spec.line)
    if endpoint is None:
        return dial_tcp(HostPort(host=spec.host, port=spec.port))
    try:
        return dial_tcp(parse_host_port(endpoint))
    except SpecError as exc:
        raise EdgeSpecError(f"bus {bus_id}: {exc}") from exc
