"""A siren behind a Modbus relay: switched, read back, and never on for longer than it may be.

When it was switched on is on disk before it sounds: after a kill the next run still switches it off in time.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import structlog

from district.inventory import Siren as SirenSpec
from edge.errors import EdgeError
from edge.modbus.bus import ModbusBus
from edge.modbus.framing import ReadRequest, WriteCoil

log = structlog.get_logger(__name__)

_RETRY_S = 1.0


class Sirens:
    """The sirens of one gateway.

    Args:
        specs: What they are, by id.
        bus_of: The owner of a bus; none while there is no such bus.
        path: Where it is noted what sounds since when.
        wall_s: The wall clock: what people hear is not simulated.
    """

    def __init__(
        self,
        specs: Mapping[str, SirenSpec],
        *,
        bus_of: Callable[[str], ModbusBus | None],
        path: Path,
        wall_s: Callable[[], float],
    ) -> None:
        self._specs = specs
        self._bus_of = bus_of
        self._path = path
        self._wall_s = wall_s
        self._since_s = _read(path)
        self._resting = False

    @property
    def sounding(self) -> frozenset[str]:
        """The sirens that were switched on and not yet off."""
        return frozenset(self._since_s)

    async def sound(self, siren: str) -> bool:
        """Switch one on; whether the relay says that it is."""
        if self._resting:
            return False
        self._since_s.setdefault(siren, self._wall_s())
        self._note()
        return await self._switched(siren, on=True)

    async def silence(self, siren: str) -> bool:
        """Switch one off; whether the relay says that it is. It is tried again by :meth:`run` if not."""
        if not await self._switched(siren, on=False):
            return False
        self._since_s.pop(siren, None)
        self._note()
        return True

    async def rest(self) -> None:
        """Switch off whatever sounds, and switch nothing on any more."""
        self._resting = True
        for siren in list(self._since_s):
            await self.silence(siren)

    async def run(self) -> None:
        """Switch off what has sounded long enough, until cancelled.

        At the start a siren of which nothing is noted is switched off: nobody knows since when it sounds.
        """
        unknown = set(self._specs) - set(self._since_s)
        while True:
            for siren in list(unknown):
                if siren in self._since_s or await self._switched(siren, on=False):
                    unknown.discard(siren)
            for siren, since_s in list(self._since_s.items()):
                spec = self._specs.get(siren)
                is_over = spec is None or self._wall_s() - since_s >= spec.most_on.total_seconds()
                if is_over and await self.silence(siren):
                    log.info("siren-silenced", siren=siren, reason="sounded as long as it may")
            await asyncio.sleep(_RETRY_S)

    async def _switched(self, siren: str, *, on: bool) -> bool:
        spec = self._specs.get(siren)
        bus = None if spec is None else self._bus_of(spec.bus)
        if spec is None or bus is None:
            return not on  # what is no longer there does not sound
        unit, coil = spec.unit, spec.coil
        try:
            await bus.ask(WriteCoil(device_id=siren, unit=unit, address=coil, on=on))
            shown = await bus.ask(
                ReadRequest(device_id=siren, unit=unit, address=coil, table="coil", count=1)
            )
        except EdgeError as exc:
            log.error("siren-unanswered", siren=siren, on=on, reason=str(exc))  # noqa: TRY400
            return False
        shows = bool(shown.data[0] & 1)
        if shows is not on:
            log.error("siren-disobeys", siren=siren, on=on, remedy="check the relay and its wiring")
        return shows is on

    def _note(self) -> None:
        """Note what sounds; where the disk refuses it sounds all the same: only a kill would forget it."""
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_bytes(msgspec.json.encode(self._since_s))
            draft.replace(self._path)
        except OSError as exc:
            log.warning("siren-unnoted", reason=str(exc))


def _read(path: Path) -> dict[str, float]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):
        return {}
