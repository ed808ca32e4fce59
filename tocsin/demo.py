"""The demo: a real flash flood, through simulated instruments and real lines, to delivered warnings."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog
from rich.console import Console, RenderableType
from rich.live import Live

from alerting.database import FILE_NAME as LEDGER_FILE
from alerting.load import CONTACTS
from district.load import AREAS, DEVICES, load_district
from rules.load import RULES
from tocsin.broker import open_broker
from tocsin.demo_console import PORT, open_demo_console
from tocsin.errors import ProcessError, TocsinError
from tocsin.findings import default_language
from tocsin.narrate import Narrator
from tocsin.replay import Replay, open_replay
from tocsin.report import make_report
from tocsin.serve import FINDINGS, OK
from tocsin.view import render
from tocsin.watch import SUBSCRIPTIONS, Watch
from transport.session import open_session

STARTS_AT = datetime(2018, 6, 3, 16, 5, tzinfo=UTC)  # twelve hours around the peak of Dead Run, 3 June 2018
ENDS_AT = datetime(2018, 6, 4, 4, 5, tzinfo=UTC)
_FRAME_S = 0.25

log = structlog.get_logger(__name__)


async def run_demo(
    folder: Path,
    stop: asyncio.Event,
    *,
    speed: float,
    until_end: bool,
    keep: Path | None,
    as_json: bool,
    port: int = PORT,
) -> int:
    """Run the demo until ``stop``, or until the flood is over; then say what it came to.

    Returns:
        The exit code: 1 if an answer was lost or stored twice.

    Raises:
        ProcessError: A process of the demo broke; the message names its log.
        InvalidFileError: The district has mistakes.
        TocsinError: The folder to keep state in is not empty.
    """
    console = Console(stderr=as_json)
    narrator = Narrator(console=console, district=load_district(folder), language=default_language())
    with _state_folder(keep) as state:
        narrator.say_opening(STARTS_AT, ENDS_AT, speed)
        async with (
            open_broker(state / "broker") as broker,
            open_replay(
                folder, state, broker, starts_at=STARTS_AT, speed=speed, files=_copy_district(folder, state)
            ) as replay,
            open_demo_console(
                state / "district",
                state,
                district=replay.district,
                broker=broker,
                clock=replay.clock,
                port=port,
            ) as served,
        ):
            narrator.say_console(served)
            watch = Watch(ledger=state / "alerting" / LEDGER_FILE)
            async with open_session(broker, client_id="demo", subscriptions=SUBSCRIPTIONS) as session:
                following = asyncio.create_task(watch.follow(session))
                await _show(replay, watch, narrator, stop, until_end=until_end)
                following.cancel()
            if not await _finished(replay, stop):
                return OK
        report = await make_report(replay.district, state, replay.served, replay.clock)
        if as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(report.as_json())).decode() + "\n")
        else:
            narrator.summarise(report, keep)
    for answer in report.lost:
        log.error("answer-lost", instrument=answer.instrument, counter=answer.counter, wall_s=answer.wall_s)
    return FINDINGS if report.lost or report.duplicates else OK


async def _finished(replay: Replay, stop: asyncio.Event) -> bool:
    """Drain everything, unless asked to stop before or meanwhile."""
    finishing = asyncio.create_task(replay.finish(), name="demo:finish")
    stopping = asyncio.create_task(stop.wait(), name="demo:stop")
    await asyncio.wait([finishing, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        finishing.cancel()
        await asyncio.wait([finishing])
        return False
    finishing.result()
    return True


def _copy_district(folder: Path, state: Path) -> Path:
    """A copy of the four files: what is edited at the demo's console is gone with the demo."""
    copy = state / "district"
    copy.mkdir()
    for name in (DEVICES, AREAS, RULES, CONTACTS):
        shutil.copy(folder / name, copy / name)
    return copy


@contextmanager
def _state_folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise TocsinError(f"{keep} is not empty; the state of two runs would be counted together")
        yield keep.resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="tocsin-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)


async def _show(
    replay: Replay, watch: Watch, narrator: Narrator, stop: asyncio.Event, *, until_end: bool
) -> None:
    """Draw frames at a terminal, or write lines elsewhere, until asked to stop or the flood is over."""
    clock, console = replay.clock, narrator.console

    def frame() -> RenderableType:
        now = clock.now()
        return render(
            watch,
            replay.district,
            now=now,
            share=(now - STARTS_AT) / (ENDS_AT - STARTS_AT),
            speed=clock.speed,
            language=narrator.language,
            rows=console.height,
        )

    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    if live is None:
        watch.on_transition = narrator.say_transition
        watch.on_warning = narrator.say_warning
    with live or nullcontext():
        while not stop.is_set() and not (until_end and clock.now() >= ENDS_AT):
            broken = replay.broken()
            if broken is not None:
                raise ProcessError(
                    f"{broken.name} ended unasked ({broken.ending}); {broken.log} ends:\n{_tail(broken.log)}"
                )
            watch.look_up_warnings()
            if live is not None:
                live.update(frame(), refresh=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _FRAME_S)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
