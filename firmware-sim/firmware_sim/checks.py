"""Mistakes that no single key shows: names, addresses and references across a scenario."""

from collections.abc import Iterator, Mapping

from firmware_sim.curves import Curve
from firmware_sim.formulas import formula
from firmware_sim.mistakes import KeyPath, Mistake, guess
from firmware_sim.scenario import (
    Hj212SerialSpec,
    Hj212TcpSpec,
    ModbusRtuSpec,
    ModbusTcpSpec,
    Scenario,
    SpeakerLineSpec,
    SpeakerSpec,
    StationSpec,
    UnitSpec,
)
from firmware_sim.sources import CsvSpec, FromSeries, FromTips, NoisySpec, Source


def check(scenario: Scenario, series: Mapping[str, Curve | NoisySpec]) -> Iterator[Mistake]:
    """Find what is wrong across a scenario; ``series`` are those that could be read."""
    yield from _name_mistakes(scenario)
    yield from _reference_mistakes(scenario)
    yield from _rate_mistakes(scenario, series)


def _instruments(scenario: Scenario) -> Iterator[tuple[KeyPath, UnitSpec | StationSpec | SpeakerSpec]]:
    for line_name, line in scenario.lines.items():
        match line:
            case ModbusRtuSpec() | ModbusTcpSpec():
                for index, unit in enumerate(line.units):
                    yield ("lines", line_name, "units", index), unit
            case Hj212SerialSpec() | Hj212TcpSpec():
                for index, station in enumerate(line.stations):
                    yield ("lines", line_name, "stations", index), station
            case SpeakerLineSpec():
                for index, speaker in enumerate(line.speakers):
                    yield ("lines", line_name, "speakers", index), speaker


def _values(scenario: Scenario) -> Iterator[tuple[KeyPath, Source]]:
    for path, instrument in _instruments(scenario):
        if isinstance(instrument, UnitSpec):
            for index, register in enumerate(instrument.registers):
                yield (*path, "registers", index, "value"), register.value
        elif isinstance(instrument, StationSpec):
            for code, factor in instrument.factors.items():
                yield (*path, "factors", code, "value"), factor.value
        else:
            for code, factor in instrument.values.items():
                yield (*path, "values", code, "value"), factor.value


def _name_mistakes(scenario: Scenario) -> Iterator[Mistake]:
    names: dict[str, KeyPath] = {}
    addresses: set[tuple[str | int, str | int]] = set()
    for path, instrument in _instruments(scenario):
        if instrument.name in names:
            yield Mistake(path=(*path, "name"), text=f"{instrument.name!r} is taken: choose another name")
        names[instrument.name] = path
        key, address = _address(instrument)
        if (path[1], address) in addresses:
            yield Mistake(path=(*path, key), text=f"{address} is taken on this line: choose another")
        addresses.add((path[1], address))
        match instrument:
            case UnitSpec():
                yield from _unit_mistakes(path, instrument)
            case StationSpec():
                yield from _station_mistakes(path, instrument)
            case SpeakerSpec():
                yield from _speaker_mistakes(path, instrument)


def _address(instrument: UnitSpec | StationSpec | SpeakerSpec) -> tuple[str, str | int]:
    match instrument:
        case UnitSpec():
            return "unit", instrument.unit
        case StationSpec():
            return "mn", instrument.mn
        case SpeakerSpec():
            return "address", instrument.address


def _reference_mistakes(scenario: Scenario) -> Iterator[Mistake]:
    for path, source in _values(scenario):
        rate = source.tips.rate if isinstance(source, FromTips) else source
        if isinstance(rate, FromSeries) and rate.series not in scenario.series:
            where = (*path, "tips", "rate", "series") if isinstance(source, FromTips) else (*path, "series")
            yield Mistake(path=where, text=f"no series {rate.series!r}{guess(rate.series, scenario.series)}")


def _unit_mistakes(path: KeyPath, unit: UnitSpec) -> Iterator[Mistake]:
    taken: dict[tuple[str, int], str] = {}
    counters = 0
    for index, register in enumerate(unit.registers):
        where = (*path, "registers", index)
        if (register.type == "bool") != (register.table in ("coil", "discrete")):
            yield Mistake(
                path=(*where, "type"), text="coil and discrete hold bool, input and holding numbers"
            )
        if register.words == 1 and register.order != "ABCD":
            yield Mistake(path=(*where, "order"), text="only types of 32 bits have an order: remove it")
        if register.value == "answers":
            counters += 1
            if register.type != "u32" or register.scale != 1 or counters > 1:
                yield Mistake(path=(*where, "value"), text="answers is one u32 of scale 1 a unit")
        for addr in range(register.addr, register.addr + register.words):
            if (register.table, addr) in taken:
                yield Mistake(path=(*where, "addr"), text=f"overlaps {taken[register.table, addr]}: move it")
                break
            taken[register.table, addr] = register.key
        if register.addr + register.words > 1 << 16:
            yield Mistake(path=(*where, "addr"), text="reaches beyond address 65535: move it")


def _station_mistakes(path: KeyPath, station: StationSpec) -> Iterator[Mistake]:
    if station.answers in station.factors:
        yield Mistake(path=(*path, "answers"), text="this factor has a value: name one that is free")
    for code, factor in station.factors.items():
        if factor.value == "answers":
            text = "a station's counter has no value: write `answers: CODE` beside `factors`"
            yield Mistake(path=(*path, "factors", code, "value"), text=text)


def _speaker_mistakes(path: KeyPath, speaker: SpeakerSpec) -> Iterator[Mistake]:
    if speaker.answers in speaker.values:
        yield Mistake(path=(*path, "answers"), text="this code has a value: name one that is free")
    for code, value in speaker.values.items():
        if value.value == "answers":
            text = "a speaker's counter has no value: write `answers: CODE` beside `values`"
            yield Mistake(path=(*path, "values", code, "value"), text=text)


def _rate_mistakes(scenario: Scenario, series: Mapping[str, Curve | NoisySpec]) -> Iterator[Mistake]:
    for name, spec in scenario.series.items():
        if not isinstance(spec, CsvSpec) and spec.noise:
            yield Mistake(path=("series", name, "noise"), text="write noise where the series is used")
    for path, source in _values(scenario):
        if not isinstance(source, FromTips):
            continue
        rate: NoisySpec | Curve | None = source.tips.rate
        if isinstance(rate, FromSeries):
            rate = series.get(rate.series)
        if rate is None:
            continue  # said elsewhere
        lowest = rate.lowest if isinstance(rate, Curve) else formula(rate, 0.0).lowest
        if lowest < 0:
            text = f"the rate of tips falls to {lowest:g}: rain never falls below 0 mm/h"
            yield Mistake(path=(*path, "tips", "rate"), text=text)
