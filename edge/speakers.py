"""The owners of buses whose stations and instruments do not speak Modbus."""

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from district.bus import Hj212Bus, Hj212ClientBus, Hj212SerialBus, Hj212TcpBus, HostPort, parse_host_port
from district.findings import SpecError
from district.inventory import Device, Speech
from district.speaking import InstrumentBus, SpeakingBus, StationSerialBus, StationTcpBus
from edge.conversation import Conversation, Hearer
from edge.errors import EdgeSpecError
from edge.hj212.hearer import Hj212Hearer
from edge.hj212.stations import Stations
from edge.instruments.hearer import InstrumentHearer
from edge.instruments.poller import InstrumentPoller
from edge.link import Dial, Link, dial_serial, dial_tcp
from edge.listeners import StationServer, listen_on_link
from edge.roll import Roll
from edge.sl427.hearer import Sl427Hearer
from edge.sl651.hearer import Sl651Hearer
from edge.wiring import Wiring, Work


def hj212_work(spec: Hj212Bus, wiring: Wiring) -> list[Work]:
    """The tasks of a bus with HJ 212 stations.

    Raises:
        EdgeSpecError: The bus, its endpoint or a device on it is impossible.
    """
    roll = _roll(wiring)
    stations = Stations(
        wiring.devices,
        passwords=wiring.passwords,
        timezone=wiring.timezone,
        clock=wiring.calendar,
        roll=roll,
        counters=wiring.counters,
        edition=spec.edition,
        backfill=spec.backfill,
    )

    def converse(name: str) -> Conversation:
        return _conversation(name, Hj212Hearer(stations), wiring)

    match spec:
        case Hj212SerialBus():
            link = _link(wiring, dial_serial(wiring.endpoint or spec.port, spec.line))
        case Hj212ClientBus():
            link = _link(wiring, dial_tcp(address_of(wiring) or spec.connect))
        case Hj212TcpBus():
            listen_at = address_of(wiring) or spec.listen
            return [StationServer(wiring.bus_id, listen_at, converse).run, roll.watch]
        case _:
            assert_never(spec)
    return [partial(listen_on_link, wiring.bus_id, link, converse(wiring.bus_id)), roll.watch]


def speaking_work(spec: SpeakingBus, wiring: Wiring) -> list[Work]:
    """The tasks of a bus with hydrological stations, or instruments with protocols of their own.

    Raises:
        EdgeSpecError: The bus, its endpoint or a device on it is impossible.
    """
    match spec:
        case StationSerialBus() | StationTcpBus():
            return _stations_work(spec, wiring)
        case InstrumentBus():
            return _instruments_work(spec, wiring)
        case _:
            assert_never(spec)


def address_of(wiring: Wiring) -> HostPort | None:
    """The address that takes the place of the configured one, if any.

    Raises:
        EdgeSpecError: It is none.
    """
    if wiring.endpoint is None:
        return None
    try:
        address: HostPort = parse_host_port(wiring.endpoint)
    except SpecError as exc:
        raise EdgeSpecError(f"bus {wiring.bus_id}: {exc}") from exc
    return address


def _stations_work(spec: StationSerialBus | StationTcpBus, wiring: Wiring) -> list[Work]:
    roll = _roll(wiring)
    hearer = Sl651Hearer if spec.kind.startswith("sl651") else Sl427Hearer

    def converse(name: str) -> Conversation:
        understands: Hearer = hearer(
            wiring.devices,
            roll,
            timezone=wiring.timezone,
            clock=wiring.calendar,
            counters=wiring.counters,
            online=spec.online,
        )
        return _conversation(name, understands, wiring)

    if isinstance(spec, StationTcpBus):
        listen_at = address_of(wiring) or spec.listen
        return [StationServer(wiring.bus_id, listen_at, converse).run, roll.watch]
    link = _link(wiring, dial_serial(wiring.endpoint or spec.port, spec.line))
    return [partial(listen_on_link, wiring.bus_id, link, converse(wiring.bus_id)), roll.watch]


def _instruments_work(spec: InstrumentBus, wiring: Wiring) -> list[Work]:
    if not wiring.devices:
        return []
    link = _link(wiring, _dial(spec, wiring))
    speech = _speech(wiring.devices)
    if speech.asked:
        poller = InstrumentPoller(
            wiring.bus_id,
            link,
            wiring.devices,
            timeout_s=spec.timeout.total_seconds(),
            clock=wiring.clock,
            intake=wiring.intake,
            counters=wiring.counters,
        )
        return [poller.run]
    roll = _roll(wiring)
    hearer = InstrumentHearer(wiring.devices, speech, link=link, roll=roll, counters=wiring.counters)
    conversation = _conversation(wiring.bus_id, hearer, wiring)
    return [partial(listen_on_link, wiring.bus_id, link, conversation), roll.watch]


def _dial(spec: InstrumentBus, wiring: Wiring) -> Dial:
    if spec.port is not None and spec.line is not None:
        return dial_serial(wiring.endpoint or spec.port, spec.line)
    address = address_of(wiring) or spec.connect
    if address is None:
        raise EdgeSpecError(f"bus {wiring.bus_id}: neither a port nor an address")
    return dial_tcp(address)


def _speech(devices: Sequence[Device]) -> Speech:
    """What the instruments of one line speak: all the same, or nobody could tell them apart."""
    speeches = {device.speech for device in devices if device.speech is not None}
    first = devices[0].speech
    ways = {(speech.protocol, speech.asked, "" if speech.asked else speech.pattern) for speech in speeches}
    if first is None or len(ways) != 1:
        raise EdgeSpecError(f"{devices[0].id}: its neighbours on {devices[0].bus} speak in another way")
    return first


def _roll(wiring: Wiring) -> Roll:
    return Roll(wiring.devices, clock=wiring.clock, intake=wiring.intake, counters=wiring.counters)


def _conversation(name: str, hearer: Hearer, wiring: Wiring) -> Conversation:
    return Conversation(name, hearer, wiring.intake, wiring.counters)


def _link(wiring: Wiring, dial: Dial) -> Link:
    return Link(wiring.bus_id, dial, now_ms=wiring.clock.now_ms)
