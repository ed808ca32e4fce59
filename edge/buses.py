"""The kinds of bus and who owns one of each."""

from typing import assert_never

from district.bus import (
    Hj212ClientBus,
    Hj212SerialBus,
    Hj212TcpBus,
    ModbusAsciiBus,
    ModbusAsciiTcpBus,
    ModbusRtuBus,
    ModbusRtuTcpBus,
    ModbusTcpBus,
)
from district.bus import ModbusBus as ModbusBusSpec
from district.devices import Bus
from district.foreign import (
    CsvFolderBus,
    JsonMqttBus,
    JsonPushBus,
    LinesMqttBus,
    LinesPushBus,
    ManualBus,
    SparkplugBus,
)
from district.speaking import InstrumentBus, StationSerialBus, StationTcpBus
from edge.errors import EdgeSpecError
from edge.modbus.build import build_bus
from edge.modbus.poller import BusPoller
from edge.modbus.unit import ModbusUnit
from edge.speakers import hj212_work, speaking_work
from edge.wiring import Wiring, Work


def bus_work(spec: Bus, wiring: Wiring) -> list[Work]:
    """The tasks of one bus; exactly one of them touches its port.

    Raises:
        EdgeSpecError: The bus, its endpoint or a device on it is impossible.
    """
    match spec:
        case ModbusRtuBus() | ModbusAsciiBus() | ModbusRtuTcpBus() | ModbusAsciiTcpBus() | ModbusTcpBus():
            return [_poller(spec, wiring).run]
        case Hj212SerialBus() | Hj212TcpBus() | Hj212ClientBus():
            return hj212_work(spec, wiring)
        case StationSerialBus() | StationTcpBus() | InstrumentBus():
            return speaking_work(spec, wiring)
        case (
            SparkplugBus()
            | JsonMqttBus()
            | LinesMqttBus()
            | JsonPushBus()
            | LinesPushBus()
            | CsvFolderBus()
            | ManualBus()
        ):
            raise EdgeSpecError(f"bus {wiring.bus_id}: other people's data are taken by `tocsin intake`")
        case _:
            assert_never(spec)


def _poller(spec: ModbusBusSpec, wiring: Wiring) -> BusPoller:
    urgent = {
        device.id: {point for name, point in wiring.urgent if name == device.id} for device in wiring.devices
    }
    bus = build_bus(spec, wiring.bus_id, now_ms=wiring.clock.now_ms, endpoint=wiring.endpoint)
    wiring.owners[wiring.bus_id] = bus
    return BusPoller(
        wiring.bus_id,
        bus,
        [ModbusUnit(device, spec, urgent[device.id]) for device in wiring.devices],
        attempt_s=spec.timeout.total_seconds(),
        clock=wiring.clock,
        intake=wiring.intake,
        counters=wiring.counters,
    )
