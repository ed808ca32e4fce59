"""What the district says at this moment: newest readings, alarms that stand, signs of life."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
import structlog

from collector.manual import Manual
from console.asking import ANSWERS, Asker
from district.inventory import Device, District
from rules.transition import Level, Transition
from transport import topics
from transport.batch import Sample, decode_batch
from transport.beat import Beat, decode_beat
from transport.errors import WireError
from transport.session import Message, Session

log = structlog.get_logger(__name__)

SUBSCRIPTIONS = (
    topics.ANY_LIVE,
    topics.ANY_STATUS,
    topics.ANY_ALARM,
    topics.server_status("+"),
    *sorted(ANSWERS),
)
_MOST = 500  # messages taken at once
_GRACE_MS = 60_000  # a reading may come so much late before its device counts as silent


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """How one site stands."""

    level: Level
    heard_ms: int | None  # when anything was last heard from it
    silent: int  # devices that have not spoken for longer than they should
    devices: int


class Newest:
    """Follows the broker's messages; what it holds is gone with it, and comes again by itself."""

    def __init__(self, district: District) -> None:
        self._district = district
        self._values: dict[str, dict[str, Sample]] = {}
        self._heard_ms: dict[str, int] = {}  # by device
        self._alarms: dict[str, Transition] = {}  # by topic
        self.beats: dict[str, Beat] = {}
        self.readings = 0

    def remember(self, samples: Iterable[Sample]) -> None:
        """Take what the store holds: what was read before the console started."""
        for sample in samples:
            self._take(sample)

    async def follow(self, session: Session, asker: Asker, manual: Manual) -> None:
        """Take messages until cancelled; what is not of our format is passed over, its receivers say so."""
        while True:
            for message in await session.receive(most=_MOST):
                try:
                    if message.topic.endswith("/ack"):
                        await manual.heard(message.payload)
                    else:
                        self.take(message, asker)
                except WireError:
                    continue

    def take(self, message: Message, asker: Asker) -> None:
        """Take one message.

        Raises:
            WireError: It is of another form.
        """
        topic, payload = message
        if topic in ANSWERS:
            asker.heard(payload)
        elif topic.endswith("/live"):
            batch = decode_batch(payload)
            for sample in batch.samples():
                self._take(sample)
                self.readings += 1
            for device, until_ms in batch.good_until_ms.items():
                self._heard_ms[device] = max(self._heard_ms.get(device, 0), until_ms)
        elif topic.endswith("/status"):
            if payload:
                beat = decode_beat(payload)
                self.beats[beat.service] = beat
        elif not payload:
            self._alarms.pop(topic, None)
        else:
            try:
                self._alarms[topic] = msgspec.json.decode(payload, type=Transition)
            except msgspec.MsgspecError as exc:
                raise WireError(f"{topic}: not an alarm") from exc

    @property
    def alarms(self) -> list[Transition]:
        """Every alarm that stands, the gravest first."""
        return sorted(self._alarms.values(), key=lambda one: (-one.to, one.at_ms))

    def values(self, device: str) -> Mapping[str, Sample]:
        """The newest sample of each point of a device."""
        return self._values.get(device, {})

    def heard_ms(self, device: str) -> int | None:
        """When a device was last heard."""
        return self._heard_ms.get(device)

    def is_silent(self, device: Device, now_ms: int) -> bool:
        """Whether a device has not spoken for longer than it should."""
        heard = self._heard_ms.get(device.id)
        return heard is None or now_ms - heard > device.stale_after.total_seconds() * 1000 + _GRACE_MS

    def sites(self, now_ms: int) -> dict[str, SiteState]:
        """How every site stands."""
        levels: dict[str, Level] = {}
        for alarm in self._alarms.values():
            levels[alarm.site] = max(levels.get(alarm.site, Level.NORMAL), alarm.to)
        heard: dict[str, list[int | None]] = {site: [] for site in self._district.sites}
        silent = dict.fromkeys(self._district.sites, 0)
        for device in self._district.devices.values():
            heard[device.site].append(self._heard_ms.get(device.id))
            silent[device.site] += self.is_silent(device, now_ms)
        return {
            site: SiteState(
                level=levels.get(site, Level.NORMAL),
                heard_ms=max((one for one in heard[site] if one is not None), default=None),
                silent=silent[site],
                devices=len(heard[site]),
            )
            for site in self._district.sites
        }

    def _take(self, sample: Sample) -> None:
        values = self._values.setdefault(sample.device, {})
        known = values.get(sample.point)
        if known is None or sample.at_ms >= known.at_ms:
            values[sample.point] = sample
        if not sample.quality.is_bad and sample.at_ms > self._heard_ms.get(sample.device, 0):
            self._heard_ms[sample.device] = sample.at_ms
