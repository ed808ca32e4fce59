"""From what people wrote to the inventory; only files without findings come here."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from district.areas import AreaFeature, AreasFile
from district.devices import (
    DevicesFile,
    DeviceSpec,
    ForeignDeviceSpec,
    GatewaySpec,
    Hj212DeviceSpec,
    InstrumentDeviceSpec,
    ModbusDeviceSpec,
    SiteSpec,
    StationDeviceSpec,
)
from district.fields import Names
from district.foreign import ForeignPointSpec, ForeignProfileSpec
from district.inventory import (
    Area,
    CodeSource,
    Device,
    District,
    Gateway,
    Point,
    RegisterSource,
    RequestLimits,
    ScaleSource,
    Siren,
    Site,
    Speech,
)
from district.point import PointSpec
from district.profile import CodePointSpec, Hj212ProfileSpec, ModbusProfileSpec, ProfileSpec
from district.register import WORDS, RegisterPointSpec, ScaleSpec, Table
from district.speaking import LinesProfileSpec, TelegramPointSpec, TelegramProfileSpec


def compile_district(spec: DevicesFile, areas: AreasFile | None, folder: Path) -> District:
    """The inventory of files that hold together."""
    devices = [_device(device, spec.profiles[device.use]) for device in spec.devices]
    own = spec.district
    return District(
        id=own.id,
        name=own.name,
        timezone=own.timezone,
        code=own.code,
        broker=own.broker,
        tls=folder / own.tls if own.tls is not None else None,
        store=own.store,
        gateways={name: _gateway(name, gateway) for name, gateway in spec.gateways.items()},
        sites={name: _site(name, site) for name, site in spec.sites.items()},
        devices={device.id: device for device in devices if not device.disabled},
        disabled={device.id: device for device in devices if device.disabled},
        areas={area.properties.id: _area(area) for area in areas.features} if areas else {},
    )


def _device(spec: DeviceSpec, profile: ProfileSpec) -> Device:
    station = spec if isinstance(spec, Hj212DeviceSpec) else None
    points = {point.id: point for point in _points(profile)}
    return Device(
        id=spec.id,
        site=spec.site,
        name=spec.name or Names(zh=spec.id, en=spec.id),
        gateway=spec.gateway,
        bus=spec.bus,
        profile=spec.use,
        unit=spec.unit if isinstance(spec, ModbusDeviceSpec) else None,
        mn=station.mn if station else None,
        password_env=station.password_env if station else None,
        accept_flags=profile.accept_flags if isinstance(profile, Hj212ProfileSpec) else (),
        interval=_interval(spec, points),
        points=points,
        datum_zero=spec.datum.zero if spec.datum else 0.0,
        datum_system=spec.datum.system if spec.datum else None,
        at=spec.at,
        disabled=spec.disabled,
        limits=_limits(profile),
        texts=_texts(profile),
        station=spec.station if isinstance(spec, StationDeviceSpec) else None,
        address=spec.address if isinstance(spec, InstrumentDeviceSpec) else None,
        speech=_speech(spec, profile),
        source=spec.source if isinstance(spec, ForeignDeviceSpec) else None,
        ignore=frozenset(profile.ignore) if isinstance(profile, ForeignProfileSpec) else frozenset(),
    )


def _speech(spec: DeviceSpec, profile: ProfileSpec) -> Speech | None:
    asked = isinstance(spec, InstrumentDeviceSpec) and spec.every is not None
    match profile:
        case TelegramProfileSpec():
            return Speech(protocol=profile.protocol, asked=asked, measure=profile.measure, crc=profile.crc)
        case LinesProfileSpec():
            return Speech(protocol="lines", asked=asked, pattern=profile.pattern, ask=profile.ask or "")
        case _:
            return None


def _interval(spec: DeviceSpec, points: Mapping[str, Point]) -> timedelta:
    if isinstance(spec, Hj212DeviceSpec | StationDeviceSpec | ForeignDeviceSpec):
        return spec.expect
    if isinstance(spec, InstrumentDeviceSpec):
        return spec.interval
    return min((point.interval or spec.every for point in points.values()), default=spec.every)


def _limits(profile: ProfileSpec) -> RequestLimits:
    if not isinstance(profile, ModbusProfileSpec):
        return RequestLimits()
    return RequestLimits(
        max_words=profile.max_words,
        max_bits=profile.max_bits,
        holes=profile.holes,
        turnaround=profile.turnaround,
        pause=profile.pause,
    )


def _texts(profile: ProfileSpec) -> dict[str, RegisterSource]:
    if not isinstance(profile, ModbusProfileSpec):
        return {}
    return {name: _register(spec) for name, spec in profile.points.items() if spec.type == "string"}


def _points(profile: ProfileSpec) -> list[Point]:
    if not isinstance(profile, ModbusProfileSpec):
        return [_point(spec.point, spec, _code(code, spec)) for code, spec in profile.codes.items()]
    return [_register_point(name, spec) for name, spec in profile.points.items() if spec.type != "string"]


def _register_point(name: str, spec: RegisterPointSpec) -> Point:
    point = _point(name, spec, _register(spec))
    rollover = None if spec.raw_rollover is None else spec.raw_rollover * abs(spec.scale)
    return replace(point, rollover=rollover, interval=spec.every)


def _point(name: str, spec: PointSpec, source: RegisterSource | CodeSource) -> Point:
    return Point(
        id=name,
        unit=spec.unit,
        source=source,
        valid=spec.valid,
        max_step=spec.max_step,
        deadband=spec.deadband_in_unit,
        min_interval=spec.min_interval,
        heartbeat=spec.heartbeat,
        counter=spec.kind == "counter",
    )


def _register(spec: RegisterPointSpec) -> RegisterSource:
    return RegisterSource(
        table=spec.resolved_table,
        addr=spec.address,
        type=spec.type,
        order=spec.order,
        words=spec.words,
        scale=spec.scale,
        offset=spec.offset,
        byte=spec.byte or "low",
        bits=(spec.bit, spec.bit) if spec.bit is not None else spec.bits,
        no_value=frozenset(spec.no_value),
        enum=spec.enum or {},
        scale_by=tuple(_scale(each, spec.resolved_table) for each in spec.scale_by),
    )


def _scale(spec: ScaleSpec, table: Table) -> ScaleSource:
    return ScaleSource(
        table=spec.said_table or table,
        addr=spec.address,
        type=spec.type,
        order=spec.order,
        words=WORDS[spec.type],
        says=spec.says,
    )


def _code(code: str, spec: CodePointSpec | TelegramPointSpec | ForeignPointSpec) -> CodeSource:
    theirs = spec.theirs if isinstance(spec, ForeignPointSpec) else None
    return CodeSource(code=code, scale=spec.scale, offset=spec.offset, theirs=theirs)


def _gateway(name: str, spec: GatewaySpec) -> Gateway:
    alone: defaultdict[str, set[str]] = defaultdict(set)
    for each in spec.alone:
        for level in each.levels:
            alone[level].update(each.sound)
    return Gateway(
        id=name,
        area=spec.area,
        buses=spec.buses,
        spool_bytes=spec.spool_mb * 1024**2,
        sirens={
            siren: Siren(id=siren, bus=each.bus, unit=each.unit, coil=each.coil, most_on=each.most_on)
            for siren, each in spec.sirens.items()
        },
        alone={level: frozenset(sirens) for level, sirens in alone.items()},
    )


def _site(name: str, spec: SiteSpec) -> Site:
    return Site(
        id=name,
        kind=spec.kind,
        area=spec.area,
        name=spec.name,
        asset=spec.asset or name,
        upstream=spec.upstream,
        at=spec.at,
    )


def _area(spec: AreaFeature) -> Area:
    own = spec.properties
    return Area(id=own.id, parent=own.parent, rank=own.rank, name=own.name, polygon=spec.geometry.coordinates)
