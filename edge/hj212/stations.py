"""The HJ 212 stations of one bus: whose a frame is, what it says, and what they are asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hmac import compare_digest
from zoneinfo import ZoneInfo

from district.inventory import CodeSource, Device
from edge.counters import Counters
from edge.errors import EdgeSpecError, Hj212Error
from edge.hj212.requests import HOURS, MINUTES, Window, answers_to, ask_history
from edge.hj212.segments import REAL_TIME, Factor, Report, Segment, decode_report
from edge.hj212.telegrams import read_telegram
from edge.judging import AHEAD, judge_said, sources_of
from edge.roll import Roll
from edge.telegram import Said
from transport.batch import Reading
from transport.clock import Clock
from transport.measurement import Quality, to_ms

_MEAN = "-Avg"
_MOST_OWED = timedelta(days=1)  # of means; a station could not tell more on a slow line
_BACKFILLS = {"minute": MINUTES, "hour": HOURS}
_EDITIONS = {"2005": 0, "2017": 4, "2025": 8}  # the flag's version bits


@dataclass(slots=True)
class _Station:
    """One station, and the time it was asked about because it had been silent."""

    device: Device
    codes: Mapping[str, tuple[str, CodeSource]]  # factor code: point and source
    asked: Window | None = None
    is_due: bool = False  # the question has not gone out yet


class Stations:
    """The stations that may report on one bus, by their MN.

    Args:
        devices: The stations.
        passwords: The password of each device that must show one, by device id.
        timezone: Where their clocks stand.
        clock: Event time.
        roll: Notes who has been heard.
        counters: The agent's figures.
        edition: The edition that we speak; ``auto`` speaks each station's own.
        backfill: Which means a station is asked for after a silence, ``minute`` or ``hour``, if any.

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
        roll: Roll,
        counters: Counters,
        edition: str = "auto",
        backfill: str | None = None,
    ) -> None:
        self._passwords = passwords
        self._timezone = timezone
        self._clock = clock
        self._roll = roll
        self._counters = counters
        self._version = _EDITIONS.get(edition)
        self._backfill = None if backfill is None else _BACKFILLS[backfill]
        self._stations = {_mn(device): _Station(device, sources_of(device)) for device in devices}

    def read(self, segment: Segment) -> Reading | None:
        """What a station's segment says of its points; none if it carries nothing to keep.

        Real-time values are kept; means are only where the station was asked for them, others and answers to
        requests are taken notice of.

        Raises:
            Hj212Error: No station of this bus may send it, or its content is none.
        """
        station = self._stations.get(segment.mn)
        if station is None:
            raise Hj212Error(f"no station {segment.mn} on this bus", segment.content.encode())
        password = self._passwords.get(station.device.id)
        if password is not None and not compare_digest(password.encode(), segment.pw.encode()):
            raise Hj212Error(f"wrong password of station {segment.mn}")
        report: Report | None = None
        if segment.cn == REAL_TIME:
            report = decode_report(segment, self._timezone)
        elif segment.cn == self._backfill:
            report = self._means(segment, station)
        self._note_heard(station)
        if report is None:
            return None
        self._counters.answers += 1
        ahead = report.at - self._clock.now() > AHEAD
        values = {
            point: judge_factor(factor, source, station.device.accept_flags, clock_is_ahead=ahead)
            for code, factor in report.factors.items()
            if code in station.codes
            for point, source in (station.codes[code],)
        }
        return Reading(station.device.id, to_ms(report.at), values, by_instrument=True)

    def answers(self, segment: Segment) -> list[bytes]:
        """The segments to send once what this one said is kept: answers, then a question that is due."""
        if self._version is not None:
            segment = replace(segment, flag=segment.flag & 0b11 | self._version)
        now = self._clock.now()
        answers = answers_to(segment, now, self._timezone)
        station = self._stations[segment.mn]
        if station.is_due and station.asked is not None and self._backfill is not None:
            station.is_due = False
            answers.append(ask_history(segment, self._backfill, station.asked, now, self._timezone))
        return answers

    def _means(self, segment: Segment, station: _Station) -> Report | None:
        """The means that a station was asked for, under the codes of its real-time values."""
        telegram = read_telegram(segment, self._timezone)
        window = station.asked
        if telegram.at is None or window is None or not window.begin < telegram.at < window.end:
            return None
        factors = {
            said.code.removesuffix(_MEAN): Factor(said.value, said.flag or "")
            for said in telegram.said
            if said.code.endswith(_MEAN)
        }
        return Report(mn=segment.mn, at=telegram.at, factors=factors)

    def _note_heard(self, station: _Station) -> None:
        now = self._clock.now()
        before = max(self._roll.note_heard(station.device), self._clock.starts_at)
        if self._backfill is not None and now - before > station.device.stale_after:
            station.asked, station.is_due = Window(max(before, now - _MOST_OWED), now), True


def judge_factor(
    factor: Factor, source: CodeSource, accept_flags: Iterable[str], *, clock_is_ahead: bool
) -> tuple[float | None, Quality]:
    """A factor's value in the point's unit, and the station's own word on it: pure."""
    said = Said("", factor.value, flag=factor.flag)
    return judge_said(said, source, tuple(accept_flags), clock_is_ahead=clock_is_ahead)


def _mn(device: Device) -> str:
    if device.mn is None:
        raise EdgeSpecError(f"{device.id}: an HJ 212 station needs its mn")
    return device.mn
