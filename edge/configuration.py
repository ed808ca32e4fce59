"""Configuration while the agent runs: a changed devices.yaml is checked, applied, and taken back if it fails.

What did not change goes on untouched. A file with mistakes changes nothing. A bus that worked before and
brings no good reading under the new file takes the whole file back: the last one that worked is kept beside
the spool and goes on, also after a restart, until the file is changed again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import structlog

from district.findings import Finding, InvalidFileError
from district.inventory import District
from district.load import DEVICES, load_district
from edge.crew import Crew, plans_of
from edge.errors import EdgeSpecError
from edge.intake import Intake

log = structlog.get_logger(__name__)

GOOD = "last-good"  # the folder with the last file that worked
REFUSED = "refused-devices.sha256"
_LOOK_EVERY_S = 1.0
_TOLD_FINDINGS = 5


def choose(folder: Path, state_dir: Path, load: Callable[[], District] | None = None) -> District:
    """The district to start with.

    It is the one in ``folder``; if that has mistakes, or was taken back before, the last that worked.

    Args:
        folder: Where devices.yaml is.
        state_dir: Where the last one that worked is kept.
        load: How to load the one in ``folder``, where somebody keeps what it compiles to.

    Raises:
        InvalidFileError: The file has mistakes, and there is no older one.
    """
    good = state_dir / GOOD
    load = load or partial(load_district, folder, areas=False)
    if not (good / DEVICES).exists():
        return load()
    if _refused(state_dir) == _digest(folder):
        log.warning(
            "configuration-taken-back",
            file=str(folder / DEVICES),
            instead=str(good / DEVICES),
            remedy="change the file: as it is, a bus that worked before brought no good reading",
        )
        return _from(good, folder)
    try:
        return load()
    except InvalidFileError as exc:
        _say_mistakes(exc, "the last file that worked goes on; tocsin check shows all mistakes")
        return _from(good, folder)


def _from(good: Path, folder: Path) -> District:
    """The district of the last file that worked, as if it stood where it belongs."""
    district = load_district(good, areas=False)
    if district.tls is None or not district.tls.is_relative_to(good):
        return district
    return replace(district, tls=folder / district.tls.relative_to(good))


@dataclass(slots=True)
class _Trial:
    """A new configuration that has yet to show that it works."""

    before: District
    digest: str
    ends_s: float
    waiting_for: set[str] = field(default_factory=set)  # buses that worked before


class Configuration:
    """Watches devices.yaml and applies its changes.

    Args:
        folder: Where the file is.
        state_dir: Where the last one that worked is kept.
        gateway: Which gateway of it this is.
        district: What runs now.
        crew: Runs the buses.
        intake: Knows the devices, and when each was last good.
        trial_s: How long a bus that worked before has to bring a good reading.
    """

    def __init__(
        self,
        folder: Path,
        state_dir: Path,
        *,
        gateway: str,
        district: District,
        crew: Crew,
        intake: Intake,
        trial_s: float,
    ) -> None:
        self._folder = folder
        self._state_dir = state_dir
        self._gateway = gateway
        self._district = district
        self._crew = crew
        self._intake = intake
        self._trial_s = trial_s
        self._digest = _digest(folder)
        self._trial: _Trial | None = None
        self.applied = 0
        self.refused = 0
        self.taken_back = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        if self._digest != _refused(self._state_dir):
            self._keep_good()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Apply the file if it has changed; judge the one on trial."""
        digest = _digest(self._folder)
        if digest not in {self._digest, ""}:
            self._digest = digest
            await self._try(digest)
        await self._judge()

    async def _try(self, digest: str) -> None:
        try:
            district = self._load()
            before = self._district
            worked = self._working_buses()
            changed = await self._run(district)
        except InvalidFileError as exc:
            self.refused += 1
            _say_mistakes(exc, "nothing was changed; tocsin check shows all of it")
            return
        except EdgeSpecError as exc:
            self.refused += 1
            log.error(  # noqa: TRY400  (the reason is the file's)
                "configuration-refused", reason=str(exc), remedy="nothing was changed; mend the file"
            )
            return
        self.applied += 1
        self._say_what_waits(before, district)
        manned = {bus for bus, plan in plans_of(district, self._gateway).items() if plan.devices}
        log.info("configuration-applied", buses=sorted(changed))
        earlier = self._trial  # one that had not shown yet that it works is not what we go back to
        self._trial = _Trial(
            before=earlier.before if earlier else before,
            digest=digest,
            ends_s=asyncio.get_running_loop().time() + self._trial_s,
            waiting_for=((earlier.waiting_for if earlier else set()) | (worked & changed)) & manned,
        )

    def _load(self) -> District:
        district = load_district(self._folder, areas=False)
        if self._gateway not in district.gateways:
            raise EdgeSpecError(f"{DEVICES} has no gateway {self._gateway!r} any more")
        return district

    async def _run(self, district: District) -> frozenset[str]:
        """Run what a district says.

        Raises:
            EdgeSpecError: It asks for something impossible; nothing has changed.
        """
        devices = district.gateway_devices(self._gateway)
        changed = await self._crew.exchange(
            plans_of(district, self._gateway), between=lambda: self._intake.know(devices)
        )
        self._district = district
        return changed

    async def _judge(self) -> None:
        trial = self._trial
        if trial is None:
            return
        began_s = trial.ends_s - self._trial_s
        trial.waiting_for -= {
            device.bus
            for device in self._district.gateway_devices(self._gateway)
            if self._intake.good_at_s(device.id) > began_s
        }
        if not trial.waiting_for:
            self._trial = None
            self._keep_good()
            log.info("configuration-works")
        elif asyncio.get_running_loop().time() > trial.ends_s:
            self._trial = None
            await self._take_back(trial)

    async def _take_back(self, trial: _Trial) -> None:
        self.taken_back += 1
        log.error(
            "configuration-taken-back",
            buses=sorted(trial.waiting_for),
            reason=f"worked before, and brought no good reading for {self._trial_s:g} s",
            remedy=f"the one before goes on; correct {DEVICES} and save it again",
        )
        _write(self._state_dir / REFUSED, trial.digest)
        await self._run(trial.before)

    def _working_buses(self) -> set[str]:
        """The buses that have brought a good reading lately."""
        now_s = asyncio.get_running_loop().time()
        speed_s = self._trial_s
        return {
            device.bus
            for device in self._district.gateway_devices(self._gateway)
            if now_s - self._intake.good_at_s(device.id) <= max(speed_s, device.stale_after.total_seconds())
        }

    def _keep_good(self) -> None:
        good = self._state_dir / GOOD
        good.mkdir(exist_ok=True)
        _write(good / DEVICES, (self._folder / DEVICES).read_text(encoding="utf-8"))

    def _say_what_waits(self, before: District, after: District) -> None:
        """What only a restart can change."""
        waiting = [
            name
            for name, old, new in (
                ("broker", before.broker, after.broker),
                ("tls", before.tls, after.tls),
                ("area", before.gateways[self._gateway].area, after.gateways[self._gateway].area),
                (
                    "spool_mb",
                    before.gateways[self._gateway].spool_bytes,
                    after.gateways[self._gateway].spool_bytes,
                ),
            )
            if old != new
        ]
        if waiting:
            log.warning("configuration-needs-restart", keys=waiting, remedy="restart the agent when it suits")


def _digest(folder: Path) -> str:
    """What names the file's present content; empty while there is no file."""
    try:
        return sha256((folder / DEVICES).read_bytes()).hexdigest()
    except OSError:
        return ""


def _say_mistakes(exc: InvalidFileError, remedy: str) -> None:
    log.error(
        "configuration-refused",
        findings=[_spoken(finding) for finding in exc.findings[:_TOLD_FINDINGS]],
        count=len(exc.findings),
        remedy=remedy,
    )


def _refused(state_dir: Path) -> str | None:
    path = state_dir / REFUSED
    return path.read_text(encoding="ascii").strip() if path.exists() else None


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _spoken(finding: Finding) -> str:
    place = finding.place
    return f"{place.file}:{place.line}:{place.column}: {finding.key}: {finding.what.en}; {finding.remedy.en}"
