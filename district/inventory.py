"""The compiled district: what every other part works with; frozen, complete and free of mistakes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from district.areas import Rank
from district.brokers import BrokerAddress
from district.devices import Bus, SiteKind, Store
from district.fields import Names
from district.foreign import FOREIGN_KINDS
from district.profile import DataFlag
from district.register import ByteOrder, RegisterType, ScaleMeaning, Table
from district.speaking import InstrumentProtocol, StationProtocol

MISSED_INTERVALS = 3

_ROLLS_WITHIN = 0.1

LonLat = tuple[float, float]
Ring = tuple[LonLat, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSource:
    """Where a Modbus unit says how another value is scaled."""

    table: Table
    addr: int
    type: RegisterType
    order: ByteOrder
    words: int
    says: ScaleMeaning | Mapping[int, float]  # a rule, or the factor of each code


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """What a Modbus unit takes in one request, and how long it takes."""

    max_words: int | None = None  # None: as its bus
    max_bits: int = 2000
    holes: bool = True  # whether it may be asked for addresses between its points
    turnaround: timedelta | None = None  # None: as its bus
    pause: timedelta = timedelta()  # rest after an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSource:
    """Where a Modbus unit keeps a value."""

    table: Table
    addr: int  # 0-based, as on the wire
    type: RegisterType
    order: ByteOrder
    words: int  # registers, or bits of a bit table
    scale: float
    offset: float
    byte: Literal["high", "low"] = "low"  # of a register that holds an 8-bit number
    bits: tuple[int, int] | None = None  # lowest and highest bit of the part that counts; None: all
    no_value: frozenset[float] = frozenset()  # raw numbers that say that there is no value
    enum: Mapping[int, str] = field(default_factory=dict)  # what each code means; empty: it is no code
    scale_by: tuple[ScaleSource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSource:
    """Under which code a station or instrument, or somebody else, reports a value."""

    code: str
    scale: float
    offset: float
    theirs: str | None = None  # the unit of what was scaled, where it is not the point's


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One quantity of a device: value = raw x scale + offset, in ``unit``."""

    id: str
    unit: str
    source: RegisterSource | CodeSource
    valid: tuple[float, float] | None  # lowest and highest of the value, before any datum
    max_step: float | None  # units a minute
    deadband: float | None  # units; None or 0 reports every reading
    heartbeat: timedelta | None  # set when there is a deadband
    min_interval: timedelta | None = None  # between two values that are sent, however much they differ
    counter: bool  # only rises; what counts is its increase
    rollover: float | None = None  # the value at which a counter begins anew, in ``unit``
    interval: timedelta | None = None  # how often it is asked; None: as its device

    @property
    def by_exception(self) -> bool:
        """Whether unchanged readings stay at the gateway."""
        return bool(self.deadband) or self.min_interval is not None

    def increase(self, before: float, after: float) -> float:
        """How far a counter rose between two readings.

        A fall from the top tenth of its range to the lowest tenth is a rollover; any other fall means that
        the instrument began to count anew from zero.
        """
        if after >= before:
            return after - before
        span = self.rollover
        if span is not None and before >= span * (1 - _ROLLS_WITHIN) and after <= span * _ROLLS_WITHIN:
            return after + span - before
        return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How an instrument with a protocol of its own is asked, and what its lines look like."""

    protocol: StationProtocol | InstrumentProtocol
    asked: bool = False  # whether it is asked; otherwise it speaks by itself
    measure: str = "M"  # SDI-12: the measurement that is asked for
    crc: bool = False  # SDI-12: whether answers are asked for with a CRC
    pattern: str = ""  # of its lines
    ask: str = ""  # what is sent to get a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One instrument on one bus.

    What tells it from its neighbours: ``unit`` (Modbus), ``mn`` (HJ 212), ``station`` (SL 651, SL/T 427) or
    ``address``, which is none where it is alone on its line.
    """

    id: str
    site: str
    name: Names
    gateway: str
    bus: str
    profile: str
    unit: int | None
    mn: str | None
    password_env: str | None  # name of the variable with the station's password
    accept_flags: tuple[DataFlag, ...]  # of an HJ 212 station; empty for Modbus
    interval: timedelta  # how often it is asked (its points that are asked most often), or reports
    points: Mapping[str, Point]
    datum_zero: float  # added to a reading before it is compared with limits
    datum_system: str | None
    at: LonLat | None
    disabled: bool
    limits: RequestLimits = RequestLimits()  # of a Modbus unit
    texts: Mapping[str, RegisterSource] = field(default_factory=dict)  # what it says in words: never polled
    station: str | None = None  # ten hexadecimal digits, small letters
    address: str | None = None
    speech: Speech | None = None  # of instruments and stations of everything but Modbus and HJ 212
    source: str | None = None  # what those call it who send its readings
    ignore: frozenset[str] = frozenset()  # what they send of it that nobody needs

    @property
    def stale_after(self) -> timedelta:
        """Silence longer than this is no accident: three intervals.

        A device whose points are all reported by exception speaks at its heartbeat at the latest, so three of
        those if they are longer.
        """
        beats = [point.heartbeat for point in self.points.values() if point.by_exception and point.heartbeat]
        quiet = min(beats) if len(beats) == len(self.points) else timedelta()
        return MISSED_INTERVALS * max(self.interval, quiet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Siren:
    """A siren behind a relay of a gateway."""

    id: str
    bus: str
    unit: int
    coil: int
    most_on: timedelta  # at a stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One agent on one piece of hardware, and the buses it owns."""

    id: str
    area: str
    buses: Mapping[str, Bus]
    spool_bytes: int  # how large its spool may grow
    sirens: Mapping[str, Siren] = field(default_factory=dict)
    alone: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by level: the sirens that sound

    @property
    def is_intake(self) -> bool:
        """Whether it takes other people's readings instead of asking instruments."""
        return any(bus.kind in FOREIGN_KINDS for bus in self.buses.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A monitored place; sites that watch one thing share ``asset``."""

    id: str
    kind: SiteKind
    area: str
    name: Names
    asset: str
    upstream: tuple[str, ...]
    at: LonLat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part of the grid of responsibility: the outer ring first, then the holes."""

    id: str
    parent: str | None  # None for the district itself
    rank: Rank
    name: Names
    polygon: tuple[Ring, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """Everything people said in devices.yaml and areas.geojson."""

    id: str
    name: Names
    timezone: ZoneInfo
    code: str
    broker: BrokerAddress | None  # None: find or start one
    tls: Path | None  # folder of certificates
    store: Store
    gateways: Mapping[str, Gateway]
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]  # those in use
    disabled: Mapping[str, Device]  # known, but neither asked nor missed
    areas: Mapping[str, Area]  # empty where only devices.yaml was read

    @property
    def root_area(self) -> str:
        """The area of the whole district."""
        return self.id

    def area_chain(self, area: str) -> tuple[str, ...]:
        """``area`` and all that lie around it, the district last.

        Raises:
            KeyError: There is no such area.
        """
        chain = [area]
        while (parent := self.areas[chain[-1]].parent) is not None:
            chain.append(parent)
        return tuple(chain)

    def device_points(self) -> Iterator[tuple[Device, Point]]:
        """Every point of every device in use."""
        return ((device, point) for device in self.devices.values() for point in device.points.values())

    def gateway_devices(self, gateway: str) -> tuple[Device, ...]:
        """The devices in use at one gateway."""
        return tuple(device for device in self.devices.values() if device.gateway == gateway)

    def site_devices(self, site: str) -> tuple[Device, ...]:
        """The devices in use at one site."""
        return tuple(device for device in self.devices.values() if device.site == site)

    def asset_sites(self, asset: str) -> tuple[Site, ...]:
        """The sites that watch one thing."""
        return tuple(site for site in self.sites.values() if site.asset == asset)

    def upstream_sites(self, site: str) -> frozenset[str]:
        """Every site whose water comes to ``site``, however far above."""
        found: set[str] = set()
        ahead = list(self.sites[site].upstream)
        while ahead:
            step = ahead.pop()
            if step not in found:
                found.add(step)
                ahead += self.sites[step].upstream
        return frozenset(found)
