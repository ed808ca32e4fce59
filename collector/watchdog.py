"""The watchdog: notices a gateway or a device that has gone quiet, and gateways whose clock is off.

It looks on for whoever runs the servers. What people are warned of is the silence rule's business, which
knows what each device feeds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog

from collector.block import Block
from district.inventory import District
from transport.beat import Beat
from transport.metrics import Figure

log = structlog.get_logger(__name__)

_QUIET_AFTER_MS = 60_000  # wall time without a batch or a beat: gateways beat every five seconds
_CLOCK_OFF_S = 2.0


class Watchdog:
    """When each gateway and device of a district was heard last.

    Args:
        district: Whose gateways and devices.
        wall_s: The wall clock: gateways beat in wall time.
        now_ms: Event time: devices are read in event time.
    """

    def __init__(self, district: District, *, wall_s: Callable[[], float], now_ms: Callable[[], int]) -> None:
        self._wall_s = wall_s
        self._now_ms = now_ms
        self._began_ms = now_ms()
        self._gateways = dict.fromkeys(district.gateways, wall_s())
        self._limits_ms = {
            device.id: device.stale_after.total_seconds() * 1000 for device in district.devices.values()
        }
        self._devices: dict[str, int] = {}
        self._offsets_s: dict[str, float] = {}
        self._quiet: set[str] = set()
        self._off: set[str] = set()

    def heard(self, gateway: str, blocks: Iterable[Block]) -> None:
        """Note a batch."""
        self._gateways[gateway] = self._wall_s()
        for block in blocks:
            newest_ms = max(block.at_ms, default=0)
            self._devices[block.device] = max(newest_ms, self._devices.get(block.device, 0))

    def vouched(self, until_ms: Mapping[str, int]) -> None:
        """Note devices whose values held, though they were not sent."""
        for device, at_ms in until_ms.items():
            self._devices[device] = max(at_ms, self._devices.get(device, 0))

    def beat(self, gateway: str, beat: Beat) -> None:
        """Note a gateway's sign of life."""
        if gateway in self._gateways and beat.state == "up" and beat.wall_s:
            self._gateways[gateway] = self._wall_s()
            self._offsets_s[gateway] = beat.wall_s - self._wall_s()

    def look(self) -> None:
        """Say once who has gone quiet, whose clock is off, and who is back; to be called at an interval."""
        quiet = {f"gateway {name}" for name in self._quiet_gateways()}
        quiet |= {f"device {name}" for name in self._quiet_devices()}
        for name in sorted(quiet - self._quiet):
            log.warning("gone-quiet", who=name, remedy="see the gateway's log, or run tocsin doctor on it")
        for name in sorted(self._quiet - quiet):
            log.info("heard-again", who=name)
        off = {name for name, offset_s in self._offsets_s.items() if abs(offset_s) > _CLOCK_OFF_S}
        for name in sorted(off - self._off):
            log.warning("clock-off", gateway=name, by_s=round(self._offsets_s[name], 1))
        self._quiet, self._off = quiet, off

    def figures(self) -> Iterator[Figure]:
        """Ages, clocks, and how many are quiet."""
        wall_s, now_ms = self._wall_s(), self._now_ms()
        for gateway, heard_s in self._gateways.items():
            yield Figure("gateway_age_s", round(wall_s - heard_s, 1), {"gateway": gateway}, is_now=True)
        for gateway, offset_s in self._offsets_s.items():
            yield Figure("gateway_clock_s", round(offset_s, 3), {"gateway": gateway}, is_now=True)
        for device, at_ms in self._devices.items():
            yield Figure("device_age_s", round((now_ms - at_ms) / 1000, 1), {"device": device}, is_now=True)
        yield Figure("quiet_gateways", len(self._quiet_gateways()), is_now=True)
        yield Figure("quiet_devices", len(self._quiet_devices()), is_now=True)

    def _quiet_gateways(self) -> list[str]:
        wall_s = self._wall_s()
        return [
            name for name, heard_s in self._gateways.items() if (wall_s - heard_s) * 1000 > _QUIET_AFTER_MS
        ]

    def _quiet_devices(self) -> list[str]:
        now_ms = self._now_ms()
        return [
            name
            for name, limit_ms in self._limits_ms.items()
            if now_ms - self._devices.get(name, self._began_ms) > limit_ms
        ]
