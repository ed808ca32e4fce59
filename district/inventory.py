"""The compiled district: what every other part works with; frozen, complete and free of mistakes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from district.areas import Rank
from district.bus import Bus
from district.devices import BrokerAddress, SiteKind, Store
from district.fields import Names
from district.profile import ByteOrder, DataFlag, RegisterType, Table

MISSED_INTERVALS = 3

LonLat = tuple[float, float]
Ring = tuple[LonLat, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSource:
    """Under which factor code an HJ 212 station reports a value."""

    code: str
    scale: float
    offset: float


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
    counter: bool  # only rises; what counts is its increase

    @property
    def by_exception(self) -> bool:
        """Whether unchanged readings stay at the gateway."""
        return bool(self.deadband)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One instrument on one bus; exactly one of ``unit`` (Modbus) and ``mn`` (HJ 212) is set."""

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
    interval: timedelta  # how often it is asked, or reports
    points: Mapping[str, Point]
    datum_zero: float  # added to a reading before it is compared with limits
    datum_system: str | None
    at: LonLat | None
    disabled: bool

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
class Gateway:
    """One agent on one piece of hardware, and the buses it owns."""

    id: str
    area: str
    buses: Mapping[str, Bus]


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
