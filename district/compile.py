"""From what people wrote to the inventory; only files without findings come here."""

from pathlib import Path

from district.areas import AreaFeature, AreasFile
from district.devices import DevicesFile, DeviceSpec, Hj212DeviceSpec, SiteSpec
from district.fields import Names
from district.inventory import (
    Area,
    CodeSource,
    Device,
    District,
    Gateway,
    Point,
    RegisterSource,
    Site,
)
from district.profile import CodePointSpec, Hj212ProfileSpec, PointSpec, ProfileSpec, RegisterPointSpec


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
        gateways={
            name: Gateway(id=name, area=gateway.area, buses=gateway.buses)
            for name, gateway in spec.gateways.items()
        },
        sites={name: _site(name, site) for name, site in spec.sites.items()},
        devices={device.id: device for device in devices if not device.disabled},
        disabled={device.id: device for device in devices if device.disabled},
        areas={area.properties.id: _area(area) for area in areas.features} if areas else {},
    )


def _device(spec: DeviceSpec, profile: ProfileSpec) -> Device:
    station = spec if isinstance(spec, Hj212DeviceSpec) else None
    return Device(
        id=spec.id,
        site=spec.site,
        name=spec.name or Names(zh=spec.id, en=spec.id),
        gateway=spec.gateway,
        bus=spec.bus,
        profile=spec.use,
        unit=None if isinstance(spec, Hj212DeviceSpec) else spec.unit,
        mn=station.mn if station else None,
        password_env=station.password_env if station else None,
        accept_flags=profile.accept_flags if isinstance(profile, Hj212ProfileSpec) else (),
        interval=spec.expect if isinstance(spec, Hj212DeviceSpec) else spec.every,
        points={point.id: point for point in _points(profile)},
        datum_zero=spec.datum.zero if spec.datum else 0.0,
        datum_system=spec.datum.system if spec.datum else None,
        at=spec.at,
        disabled=spec.disabled,
    )


def _points(profile: ProfileSpec) -> list[Point]:
    if isinstance(profile, Hj212ProfileSpec):
        return [_point(spec.point, spec, _code(code, spec)) for code, spec in profile.codes.items()]
    return [_point(name, spec, _register(spec)) for name, spec in profile.points.items()]


def _point(name: str, spec: PointSpec, source: RegisterSource | CodeSource) -> Point:
    return Point(
        id=name,
        unit=spec.unit,
        source=source,
        valid=spec.valid,
        max_step=spec.max_step,
        deadband=spec.deadband,
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
    )


def _code(code: str, spec: CodePointSpec) -> CodeSource:
    return CodeSource(code=code, scale=spec.scale, offset=spec.offset)


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
