"""The HJ 212 stations of one bus: whose a frame is, what it says, and who has not reported."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from math import isfinite
from zoneinfo import ZoneInfo

import structlog

from district.inventory import CodeSource, Device
from edge.counters import Counters
from edge.errors import EdgeSpecError, Hj212Error
from edge.hj212.segments import REAL_TIME, Factor, Segment, decode_report
from edge.intake import Intake
from edge.registers import apply_scale
from edge.waiting import reached
from transport.batch import Reading
from transport.clock import Clock
from transport.measurement import Quality, to_ms

log = structlog.get_logger(__name__)

_AHEAD = timedelta(minutes=5)  # a station's clock further ahead than this is wrong


@dataclass(slots=True)
class _Station:
    """One station and when it was last heard of, in event time."""

    device: Device
    codes: Mapping[str, tuple[str, CodeSource]]  # factor code: point and source
    heard: datetime
    is_silent: bool = False


class Stations:
    """The stations that may report on one bus, by their MN.

    Args:
        devices: The stations.
        passwords: The password of each device that must show one, by device id.
        timezone: Where their clocks stand.
        clock: Event time.
        intake: Takes that a station is silent.
        counters: The agent's figures.

    Raises:
        EdgeSpecError: A device is no HJ 212 station.
    """

    def __init__(
        self,
        devices: Iterable[Device],
        *,
        passwords: Mapping[str, str],
        timezone: ZoneInfo,
        clock: Clock,
        intake: Intake,
        counters: Counters,
    ) -> None:
        self._passwords = passwords
        self._timezone = timezone
        self._clock = clock
        self._intake = intake
        self._counters = counters
        self._stations = {_mn(device): _Station(device, _codes(device), clock.now()) for device in devices}

    def read(self, segment: Segment) -> Reading | None:
        """What a station's segment says of its points; none if it carries no real-time values.

        Minute, hour and day values, and answers to requests, are taken notice of and not stored.

        Raises:
            Hj212Error: No station of this bus may send it, or its content is none.
        """
        station = self._stations.get(segment.mn)
        if station is None:
            raise Hj212Error(f"no station {segment.mn} on this bus", segment.content.encode())
        password = self._passwords.get(station.device.id)
        if password is not None and not compare_digest(password.encode(), segment.pw.encode()):
            raise Hj212Error(f"wrong password of station {segment.mn}")
        if segment.cn != REAL_TIME:
            self._note_heard(station)
            return None
        report = decode_report(segment, self._timezone)
        self._note_heard(station)
        self._counters.answers += 1
        ahead = report.at - self._clock.now() > _AHEAD
        values = {
            point: judge_factor(factor, source, station.device.accept_flags, clock_is_ahead=ahead)
            for code, factor in report.factors.items()
            if code in station.codes
            for point, source in (station.codes[code],)
        }
        return Reading(station.device.id, to_ms(report.at), values)

    async def watch(self, stop: asyncio.Event) -> None:
        """Tell when a station has not reported for too long, until ``stop``."""
        checked = self._clock.now()
        pause = min((each.device.interval for each in self._stations.values()), default=timedelta(hours=1))
        while await reached(self._clock, checked + pause, stop):
            checked = self._clock.now()
            for station in self._stations.values():
                if checked - max(station.heard, self._clock.starts_at) > station.device.stale_after:
                    self._note_silent(station, checked)

    def _note_heard(self, station: _Station) -> None:
        station.heard = self._clock.now()
        if station.is_silent:
            station.is_silent = False
            self._counters.silent -= 1
            log.info("device-back", device=station.device.id, bus=station.device.bus)

    def _note_silent(self, station: _Station, now: datetime) -> None:
        device = station.device
        if not station.is_silent:
            station.is_silent = True
            self._counters.silent += 1
            log.warning("device-silent", device=device.id, bus=device.bus, reason="no report")
        self._counters.errors += 1
        self._intake.fail(device, device.points, Quality.TIMEOUT, to_ms(now))


def judge_factor(
    factor: Factor, source: CodeSource, accept_flags: Iterable[str], *, clock_is_ahead: bool
) -> tuple[float | None, Quality]:
    """A factor's value in the point's unit, and the station's own word on it: pure."""
    if factor.value is None:
        return None, Quality.SENTINEL
    value = apply_scale(factor.value, source.scale, source.offset)
    if not isfinite(value):
        return None, Quality.SENTINEL
    if factor.flag not in accept_flags:
        return value, Quality.FLAG
    return value, Quality.DOUBTFUL_TIME if clock_is_ahead else Quality.GOOD


def _mn(device: Device) -> str:
    if device.mn is None:
        raise EdgeSpecError(f"{device.id}: an HJ 212 station needs its mn")
    return device.mn


def _codes(device: Device) -> dict[str, tuple[str, CodeSource]]:
    return {
        point.source.code: (point.id, point.source)
        for point in device.points.values()
        if isinstance(point.source, CodeSource)
    }
