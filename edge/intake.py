"""The intake: what instruments said is judged, thinned out, put into batches and kept.

A batch leaves when it has lingered, or when it is large. Nothing is sent that is not kept first, unless the
disk refuses it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

import structlog

from district.inventory import Device, Point
from edge.counters import Counters
from edge.errors import NotKeptError
from edge.maintenance import Maintenance
from edge.quality import Judge
from edge.redating import redate
from edge.report import Reporter, Told
from edge.timekeeping import Timekeeper
from transport.batch import Batch, Reading, build_batch, encode_batch
from transport.courier import Courier
from transport.measurement import Quality
from transport.outbox import Outbox

log = structlog.get_logger(__name__)

_LINGER_S = 0.02
_LARGE = 500  # measurements of a batch that waits no longer
_MOST_WAITING = 100_000  # measurements in memory while the disk thinks; beyond it the oldest go
_GOOD_UNTIL_EVERY_MS = 30_000  # event time


class _Track:
    """One point's judge and reporter."""

    def __init__(self, point: Point, device: Device) -> None:
        self.judge = Judge(point, device.stale_after)
        self.reporter = Reporter(point)
        self.newest_ms = 0
        self.is_good = True  # until a sample says otherwise


@dataclass(slots=True)
class _Draft:
    """The batch that is being gathered."""

    kept: asyncio.Future[bool]  # false if something of it was given up
    readings: list[Reading] = field(default_factory=list)
    measurements: int = 0
    is_whole: bool = True
    is_urgent: bool = False
    in_doubt: set[str] = field(default_factory=set)  # devices whose readings carry a time in doubt


class Intake:
    """The way of one gateway's readings from its drivers to the spool.

    Args:
        gateway: Whose readings these are.
        devices: Its devices.
        outbox: Numbers the batches.
        courier: Keeps and sends them.
        counters: The agent's figures.
        timekeeper: Corrects the time of what instruments did not date themselves.
        maintenance: What is being worked on: its readings are kept, and marked.
        observe: Sees every batch before it is kept.
        urgent: The (device, point) pairs whose readings are given up last.
    """

    def __init__(
        self,
        gateway: str,
        devices: Iterable[Device],
        outbox: Outbox,
        courier: Courier,
        counters: Counters,
        *,
        timekeeper: Timekeeper,
        maintenance: Maintenance,
        observe: Callable[[Batch], None] = lambda _batch: None,
        urgent: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._gateway = gateway
        self._outbox = outbox
        self._courier = courier
        self._counters = counters
        self._devices: dict[str, Device] = {}
        self._tracks: dict[str, dict[str, _Track]] = {}
        self._good_at_s: dict[str, float] = {}
        self.know(devices)
        self._timekeeper = timekeeper
        self._maintenance = maintenance
        self._observe = observe
        self._urgent = urgent
        self._in_doubt: dict[int, frozenset[str]] = {}  # by batch: whose readings
        self._keeping = asyncio.Lock()
        self._disk_refuses = False
        self._draft = self._new_draft()
        self._good_until: dict[str, int] = {}
        self._good_told: dict[str, int] = {}
        self._some = asyncio.Event()
        self._large = asyncio.Event()
        self._finishing = False

    def know(self, devices: Iterable[Device]) -> None:
        """Know these devices and no others; one that is as it was keeps what is known of its values."""
        kept = set()
        for device in devices:
            kept.add(device.id)
            if self._devices.get(device.id) != device:
                self._devices[device.id] = device
                self._tracks[device.id] = {
                    point.id: _Track(point, device) for point in device.points.values()
                }
        for known in (self._devices, self._tracks, self._good_at_s):
            for name in known.keys() - kept:
                del known[name]

    def good_at_s(self, device: str) -> float:
        """When a device last brought a good value, by the loop's clock; long ago if it never did."""
        return self._good_at_s.get(device, -inf)

    def take(self, reading: Reading) -> None:
        """Take what one answer said, as its driver judged it.

        What the instrument did not date comes with an instant of the timekeeper's pace.

        Report by exception rests while any point of the device is not good: ``good_until`` speaks for all
        points of a device at once, and must not vouch for a value that is in doubt.
        """
        tracks = self._tracks[reading.device]
        is_worked_on = self._maintenance.covers(reading.device)
        judged: dict[str, Told] = {}
        for name, (value, quality) in reading.values.items():
            track = tracks[name]
            if is_worked_on:  # what is tried on it is no measure for what comes after
                told = Told(value, Quality.MAINTENANCE, reading.at_ms)
            else:
                told = Told(*track.judge.judge(value, quality, reading.at_ms), reading.at_ms)
            if reading.at_ms >= track.newest_ms:
                track.newest_ms, track.is_good = reading.at_ms, told.quality.is_good
            judged[name] = told
        is_ours = not reading.by_instrument
        if any(told.quality.is_good for told in judged.values()):
            self._good_at_s[reading.device] = asyncio.get_running_loop().time()
        may_suppress = all(track.is_good for track in tracks.values()) and not (
            is_ours and self._timekeeper.is_doubtful
        )
        rows: dict[int, dict[str, tuple[float | None, Quality]]] = {}
        held_back = []
        for name, told in judged.items():
            to_send = tracks[name].reporter.offer(told, may_suppress=may_suppress)
            held_back += [tracks[name].reporter] if not to_send and told.quality.is_good else []
            self._counters.suppressed += not to_send
            for sample in to_send:
                rows.setdefault(sample.at_ms, {})[name] = (sample.value, sample.quality)
        correction_ms = self._timekeeper.correction_ms if is_ours else 0
        if held_back and all(reporter.is_within for reporter in held_back):
            self._note_good_until(reading.device, reading.at_ms + correction_ms)
        for at_ms in sorted(rows):
            dated = Reading(reading.device, at_ms + correction_ms, rows[at_ms], reading.by_instrument)
            self._add(self._doubted(dated) if is_ours and self._timekeeper.is_doubtful else dated)

    def fail(self, device: Device, points: Iterable[str], quality: Quality, at_ms: int) -> None:
        """Take that these points of a device have no value now, and why."""
        self.take(Reading(device.id, at_ms, dict.fromkeys(points, (None, quality))))

    async def keep(self, readings: Sequence[Reading]) -> None:
        """Take what an instrument said; returns once it is kept durably.

        Raises:
            NotKeptError: The disk refuses: it is in memory alone, or given up.
        """
        draft = self._draft
        for reading in readings:
            self.take(reading)
        if draft.measurements and not await asyncio.shield(draft.kept):
            raise NotKeptError("the spool refuses")

    async def run(self) -> None:
        """Make batches and hand them on until :meth:`finish` is called and nothing waits."""
        try:
            while not self._finishing or self._draft.readings or self._good_until:
                await self._some.wait()
                if not self._finishing:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LINGER_S):
                            await self._large.wait()
                if self._draft.readings or self._good_until:
                    await self._send()
        except asyncio.CancelledError:
            self._count_lost(self._draft)
            raise

    async def date_anew(self, by_ms: int) -> None:
        """Move what was dated while the time was in doubt, as far as nobody has been sent it.

        Raises:
            sqlite3.Error: The disk refuses; it stays marked as it is.
        """
        draft, devices = self._draft, self._draft.in_doubt
        draft.readings = [
            _believed(each, by_ms) if each.device in devices else each for each in draft.readings
        ]
        draft.in_doubt = set()
        async with self._keeping:
            in_doubt, self._in_doubt = self._in_doubt, {}
            await self._outbox.rewrite(in_doubt, lambda seq, body: redate(body, in_doubt[seq], by_ms))

    def keep_doubts(self) -> None:
        """What is in doubt stays so, for it is being sent."""
        self._in_doubt.clear()

    def finish(self) -> None:
        """Let :meth:`run` return once everything taken is kept; nothing may be taken from now on."""
        self._finishing = True
        self._some.set()

    def _doubted(self, reading: Reading) -> Reading:
        """The reading, marked as dated by a clock that may be wrong."""
        self._draft.in_doubt.add(reading.device)
        return reading._replace(
            values={
                name: (value, Quality.DOUBTFUL_TIME if quality.is_good else quality)
                for name, (value, quality) in reading.values.items()
            }
        )

    def _add(self, reading: Reading) -> None:
        draft = self._draft
        draft.readings.append(reading)
        draft.measurements += len(reading.values)
        draft.is_urgent = draft.is_urgent or any(
            (reading.device, point) in self._urgent for point in reading.values
        )
        self._some.set()
        if draft.measurements >= _LARGE:
            self._large.set()
        while draft.measurements > _MOST_WAITING:
            draft.is_whole = False
            given_up = len(draft.readings.pop(0).values)
            draft.measurements -= given_up
            self._counters.lost += given_up

    def _note_good_until(self, device: str, at_ms: int) -> None:
        """Let the next batch say how long the last values have held; make one if none did lately."""
        self._good_until[device] = max(at_ms, self._good_until.get(device, at_ms))
        if at_ms - self._good_told.get(device, 0) >= _GOOD_UNTIL_EVERY_MS:
            self._some.set()

    async def _send(self) -> None:
        draft, self._draft = self._draft, self._new_draft()
        good_until, self._good_until = self._good_until, {}
        self._good_told |= good_until
        if not self._finishing:
            self._some.clear()
        self._large.clear()
        try:
            async with self._keeping:
                kept = await self._keep_batch(draft, good_until)
        except asyncio.CancelledError:
            self._count_lost(draft)
            raise
        self._counters.measurements += draft.measurements
        self._counters.spooled += kept
        draft.kept.set_result(kept and draft.is_whole)

    async def _keep_batch(self, draft: _Draft, good_until: Mapping[str, int]) -> bool:
        """Hand a batch on; whether it is kept on disk, and not in memory alone."""
        seq = self._outbox.next_seq()
        batch = build_batch(
            draft.readings,
            gateway=self._gateway,
            epoch=self._outbox.epoch,
            seq=seq,
            good_until_ms=good_until,
        )
        self._observe(batch)
        body = encode_batch(batch)
        if draft.in_doubt:
            self._in_doubt[seq] = frozenset(draft.in_doubt)
        try:
            await self._courier.send(seq, body, urgent=draft.is_urgent)
        except sqlite3.Error as exc:
            if not self._disk_refuses:
                log.error(  # noqa: TRY400  (the reason is the disk's)
                    "spool-refuses",
                    reason=str(exc),
                    spool=self._outbox.path,
                    remedy="free space there, or mount it writable; readings are sent from memory meanwhile",
                )
            self._disk_refuses = True
            self._courier.carry(seq, body, urgent=draft.is_urgent)
        else:
            self._disk_refuses = False
        return not self._disk_refuses

    def _count_lost(self, draft: _Draft) -> None:
        """Count what waited in memory for a disk that did not come back before we had to end."""
        if draft.measurements:
            self._counters.lost += draft.measurements
            log.error("readings-given-up", measurements=draft.measurements, spool=self._outbox.path)

    def _new_draft(self) -> _Draft:
        return _Draft(kept=asyncio.get_running_loop().create_future())


def _believed(reading: Reading, by_ms: int) -> Reading:
    """A reading that was in doubt, dated anew."""
    return reading._replace(
        at_ms=reading.at_ms + by_ms,
        values={
            name: (value, Quality.GOOD if quality is Quality.DOUBTFUL_TIME else quality)
            for name, (value, quality) in reading.values.items()
        },
    )
