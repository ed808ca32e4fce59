"""Builds the instruments of a scenario and runs them."""

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from firmware_sim.clock import SimClock
from firmware_sim.control import ControlServer
from firmware_sim.errors import ControlError, FaultError, ScenarioError
from firmware_sim.faults import (
    FAULT_NAMES,
    HJ212_FAULTS,
    RTU_FAULTS,
    SPEAKER_FAULTS,
    TCP_FAULTS,
    Fault,
    FaultName,
)
from firmware_sim.formulas import World
from firmware_sim.hj212_lines import Hj212SerialLine, Hj212TcpLine
from firmware_sim.instrument import Instrument
from firmware_sim.loading import Loaded, load_scenario
from firmware_sim.record import RECORD_FILE, Record
from firmware_sim.rtu_line import RtuLine
from firmware_sim.scenario import (
    Hj212SerialSpec,
    Hj212TcpSpec,
    LineSpec,
    ModbusRtuSpec,
    ModbusTcpSpec,
    SpeakerLineSpec,
)
from firmware_sim.speaker import Speaker
from firmware_sim.speaker_line import SpeakerLine
from firmware_sim.station import Station
from firmware_sim.tcp_line import TcpLine
from firmware_sim.unit import ModbusUnit
from firmware_sim.units import Endpoint

log = logging.getLogger(__name__)

ENDPOINTS_FILE = "endpoints.json"


class Line(Protocol):
    """A wire with instruments on it."""

    async def open(self, tasks: asyncio.TaskGroup) -> str:
        """Start serving and return the endpoint."""
        ...

    async def reconcile(self) -> None:
        """Make the plug agree with the faults."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...


class Simulator:
    """The instruments of one scenario, alive inside ``async with``.

    ``connect`` overrides the address that the stations of a line dial.
    """

    def __init__(
        self,
        scenario: Path | str | Loaded,
        *,
        run_dir: Path | str,
        clock: SimClock | str | None = None,
        connect: Mapping[str, Endpoint] | None = None,
    ) -> None:
        """Read and check the scenario; nothing runs yet.

        Raises:
            ScenarioError: The scenario, the clock or a line to connect is wrong.
        """
        loaded = scenario if isinstance(scenario, Loaded) else load_scenario(Path(scenario))
        self._scenario = loaded.scenario
        self._series = loaded.series
        self._run_dir = Path(run_dir).absolute()
        self._given_clock = SimClock.parse(clock) if isinstance(clock, str) else clock
        self._connect = dict(connect or {})
        for name in self._connect:
            if not isinstance(self._scenario.lines.get(name), Hj212TcpSpec):
                raise ScenarioError(f"connect {name}: the scenario has no hj212-tcp line of this name")
        self._instruments: dict[str, Instrument] = {}
        self._lines: dict[str, Line] = {}
        self.endpoints: dict[str, str] = {}

    @property
    def run_dir(self) -> Path:
        """Where the record, the links and the control socket are."""
        return self._run_dir

    @property
    def clock(self) -> SimClock:
        """The clock it runs on."""
        return self._clock

    async def __aenter__(self) -> Self:
        self._clock = self._given_clock or SimClock.real_time()
        self._run_dir.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            stack.enter_context(_claimed(self._run_dir))
            (self._run_dir / ENDPOINTS_FILE).unlink(missing_ok=True)  # of one that was killed
            record = stack.enter_context(Record(self._run_dir / RECORD_FILE))
            world = World(clock=self._clock, series=self._series)
            self._tasks = await stack.enter_async_context(_Tasks())
            for name, spec in self._scenario.lines.items():
                line = self._build(name, spec, world, record)
                self.endpoints[name] = await line.open(self._tasks.group)
                stack.push_async_callback(line.close)
                self._lines[name] = line
            control = ControlServer(self._run_dir, self._control)
            await control.open()
            stack.push_async_callback(control.close)
            self._publish_endpoints()
            stack.callback((self._run_dir / ENDPOINTS_FILE).unlink, missing_ok=True)
            self._stack = stack.pop_all()
        log.info(
            "%d instruments on %d lines, clock %s", len(self._instruments), len(self._lines), self._clock
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def wait(self) -> None:
        """Run until an instrument fails; a bug, never a simulated fault."""
        await self._tasks.failed()

    async def set_fault(self, instrument: str, fault: FaultName, **figures: Any) -> None:
        """Switch a fault on.

        Figures are ``delay_ms`` (late), ``code`` (exception), ``flag`` and ``factors`` (flag).
        ``disconnect`` pulls the plug of the whole line, except of a TCP station, which has its own.

        Raises:
            FaultError: No such instrument or fault, or it cannot have it.
        """
        target = self._instrument(instrument)
        try:
            target.faults.set(Fault(name=fault, **figures))
        except TypeError as exc:
            raise FaultError(f"{fault}: {exc}") from exc
        await self._lines[target.line].reconcile()
        log.info("%s: %s on", instrument, fault)

    async def clear_fault(self, instrument: str, fault: FaultName) -> None:
        """Switch a fault off.

        Raises:
            FaultError: No such instrument or fault.
        """
        target = self._instrument(instrument)
        if fault not in FAULT_NAMES:
            raise FaultError(f"no fault {fault!r}: choose from {', '.join(FAULT_NAMES)}")
        target.faults.clear(fault)
        await self._lines[target.line].reconcile()
        log.info("%s: %s off", instrument, fault)

    def status(self) -> dict[str, Any]:
        """Return event time, endpoints and the state of every instrument."""
        return {
            "clock": str(self._clock),
            "event_ms": self._clock.event_ms(),
            "endpoints": dict(self.endpoints),
            "instruments": {name: one.status() for name, one in self._instruments.items()},
        }

    def _instrument(self, name: str) -> Instrument:
        if name not in self._instruments:
            raise FaultError(f"no instrument {name!r}: choose from {', '.join(self._instruments)}")
        return self._instruments[name]

    def _build(self, name: str, spec: LineSpec, world: World, record: Record) -> Line:
        match spec:
            case ModbusRtuSpec():
                units = self._units(name, spec, world, record)
                return RtuLine(spec, units, self._run_dir / name)
            case ModbusTcpSpec():
                return TcpLine(spec, self._units(name, spec, world, record))
            case Hj212SerialSpec():
                stations = self._stations(name, spec, world, record)
                return Hj212SerialLine(spec, stations, self._run_dir / name)
            case Hj212TcpSpec():
                stations = self._stations(name, spec, world, record)
                return Hj212TcpLine(self._connect.get(name, spec.connect), stations)
            case SpeakerLineSpec():
                return SpeakerLine(spec, self._speakers(name, spec, world, record), self._run_dir / name)

    def _speakers(self, line: str, spec: SpeakerLineSpec, world: World, record: Record) -> list[Speaker]:
        speakers = []
        for speaker in spec.speakers:
            instrument = Instrument(speaker.name, line, SPEAKER_FAULTS, record)
            self._instruments[speaker.name] = instrument
            speakers.append(Speaker(speaker, spec.kind, instrument, world))
        return speakers

    def _units(
        self, line: str, spec: ModbusRtuSpec | ModbusTcpSpec, world: World, record: Record
    ) -> dict[int, ModbusUnit]:
        possible = RTU_FAULTS if isinstance(spec, ModbusRtuSpec) else TCP_FAULTS
        units = {}
        for unit in spec.units:
            instrument = Instrument(unit.name, line, possible, record)
            self._instruments[unit.name] = instrument
            units[unit.unit] = ModbusUnit(unit, instrument, world)
        return units

    def _stations(
        self, line: str, spec: Hj212SerialSpec | Hj212TcpSpec, world: World, record: Record
    ) -> list[Station]:
        stations = []
        for station in spec.stations:
            instrument = Instrument(station.name, line, HJ212_FAULTS, record)
            self._instruments[station.name] = instrument
            stations.append(Station(station, instrument, world))
        return stations

    def _publish_endpoints(self) -> None:
        draft = self._run_dir / f"{ENDPOINTS_FILE}.draft"
        draft.write_text(json.dumps(self.endpoints, indent=2) + "\n", encoding="utf-8")
        draft.replace(self._run_dir / ENDPOINTS_FILE)

    async def _control(self, request: dict[str, Any]) -> dict[str, Any]:
        match request:
            case {"op": "status"}:
                return {"status": self.status()}
            case {"op": "fault", "instrument": str(name), "fault": fault, "on": False}:
                await self.clear_fault(name, fault)
                return {}
            case {"op": "fault", "instrument": str(name), "fault": fault, "on": True, **figures}:
                if "factors" in figures:
                    figures["factors"] = tuple(figures["factors"])
                await self.set_fault(name, fault, **figures)
                return {}
        raise ControlError("ask {op: status} or {op: fault, instrument, fault, on, ...}")


@contextmanager
def _claimed(run_dir: Path) -> Iterator[None]:
    """Hold a run directory for this simulator alone; the claim ends with the process at the latest."""
    directory = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise ControlError(f"{run_dir}: a simulator runs here: end it or choose another folder") from exc
        yield
    finally:
        os.close(directory)


class _Tasks:
    """A task group that can be ended from outside, and that tells when one of its tasks failed."""

    def __init__(self) -> None:
        self.group = asyncio.TaskGroup()
        self._opened: asyncio.Future[None]
        self._end = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._opened = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        await self._opened
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled() and (failure := self._task.exception()) is not None:
            raise failure

    async def failed(self) -> None:
        """Raise what ended the group, once something does."""
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        async with self.group:
            self._opened.set_result(None)
            await asyncio.Event().wait()
