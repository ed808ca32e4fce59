"""Rules over the past, beside `vmalert -replay` on VictoriaMetrics and Prometheus' own rule evaluation.

The same series and levels. The peers know a delay, but neither hysteresis nor a delay on the way down,
so they do less. VictoriaMetrics has its data before the clock runs, and vmalert makes no pause between rules.
Prometheus evaluates recorded series with `promtool test rules`, the one way to run alerting rules over the
past; it is given fewer series, for its rate hardly depends on their number, and reading its file counts.
A point is one reading judged by one rule: four alerts of a peer are one ladder.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import numpy as np
from rich.console import Console
from rich.table import Table

from rules.backtest import backtest_series
from rules.ladder import Ladder, Rung
from rules.measure import AnyMeasure, Change, Difference, Statistic, Still, Sum, Value
from rules.rulebook import Rulebook, Watch
from rules.series import Series, make_series
from rules.transition import Level
from tests.servers import find_program, running_victoria

MINUTE_MS = 60_000
POINTS = 14_400  # ten days, one a minute
SERIES = int(os.environ.get("BENCH_SERIES", "500"))
PROMETHEUS_SERIES, PROMETHEUS_POINTS = 20, 1_440
BEGIN_MS = 1_500_000_000_000
OVER_MS = 60 * MINUTE_MS
LEVELS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
LIMITS, DELAYS_MIN = (4.0, 5.0, 6.0, 7.0), (5, 5, 2, 0)


def curves() -> Iterator[np.ndarray]:
    """Levels that rise and fall about once a day, some over the limits, as an instrument reads them."""
    random = np.random.default_rng(1)
    days = np.arange(POINTS) / 1440
    for _ in range(SERIES):
        swing = random.uniform(0.5, 3.0) * np.sin(days * 2 * np.pi * random.uniform(0.3, 1.5))
        yield np.round(2.5 + swing + random.normal(0, 0.02, POINTS), 3)


def ladder(measure: AnyMeasure, limits: tuple[float, ...], *, rising: bool = True) -> Ladder:
    rungs = tuple(
        Rung(
            level=level,
            measure=measure,
            limit=limit,
            clear=limit - 0.3 if rising else limit + 0.3,
            for_ms=delay * MINUTE_MS,
        )
        for level, limit, delay in zip(LEVELS, limits, DELAYS_MIN, strict=False)
    )
    return Ladder(rising=rising, rungs=rungs, clear_for_ms=10 * MINUTE_MS)


def watch(name: str, number: int, judged: Ladder) -> Watch:
    measure = judged.rungs[0].measure
    return Watch(
        rule=name,
        hazard="flood",
        device=f"d{number}",
        point="level",
        site="site",
        unit="m",
        seasons=frozenset(),
        ladders={"": judged},
        stale_after_ms=3 * MINUTE_MS,
        allowance_ms=2 * MINUTE_MS,
        reach_ms=measure.reach_ms,
        references=("d0:level",) if isinstance(measure, Difference) else (),
    )


def rulebook(ladders: dict[str, Ladder]) -> Rulebook:
    watches = tuple(watch(name, number, each) for name, each in ladders.items() for number in range(SERIES))
    return Rulebook(rules={}, watches=watches, silences=(), seasons={}, timezone=ZoneInfo("Asia/Shanghai"))


def ten_kinds() -> dict[str, Ladder]:
    def over(kind: str) -> Statistic:
        return Statistic(
            kind=kind,  # type: ignore[arg-type]  # one of its names
            over_ms=OVER_MS,
            span_ms=MINUTE_MS,
            complete=0.75,
            per_cent=90.0,
        )

    there = Difference(of=Value(), reference="d0:level", reference_zero=0.0, stale_after_ms=3 * MINUTE_MS)
    return {
        "above": ladder(Value(), LIMITS[:1]),
        "below": ladder(Value(), (0.0,), rising=False),
        "change": ladder(Change(over_ms=OVER_MS), (0.8,)),
        "sum": ladder(Sum(over_ms=OVER_MS, span_ms=MINUTE_MS, complete=0.9), (300.0,)),
        "mean": ladder(over("mean"), LIMITS[1:2]),
        "maximum": ladder(over("maximum"), LIMITS[1:2]),
        "minimum": ladder(over("minimum"), (0.0,), rising=False),
        "percentile": ladder(over("percentile"), LIMITS[1:2]),
        "difference": ladder(there, (3.0,)),
        "still": ladder(Still(within=0.0, horizon_ms=3 * OVER_MS), (3.0,)),
    }


_LADDER = [f"level >= {limit}" for limit in LIMITS]
_TEN = [
    "level >= 4",
    "level <= 0",
    "level - level offset 1h >= 0.8",
    "sum_over_time(level[1h]) >= 300",
    "avg_over_time(level[1h]) >= 5",
    "max_over_time(level[1h]) >= 5",
    "min_over_time(level[1h]) <= 0",
    "quantile_over_time(0.9, level[1h]) >= 5",
    'level - on() group_left() level{device="d0"} >= 3',
    "changes(level[3h]) == 0",
]


def rules_file(path: Path, expressions: list[str], delays_min: tuple[int, ...]) -> Path:
    lines = ["groups:", "- name: bench", "  interval: 1m", "  rules:"]
    for number, expression in enumerate(expressions):
        lines += [f"  - alert: rule{number}", f"    expr: {expression}"]
        lines += [f"    for: {delays_min[number % len(delays_min)]}m"]
    path.write_text("\n".join(lines) + "\n")
    return path


def ours(ladders: dict[str, Ladder], series: dict[str, Series]) -> tuple[float, int]:
    book = rulebook(ladders)
    began = time.perf_counter()
    found = backtest_series(book, series)
    return SERIES * POINTS * len(ladders) / (time.perf_counter() - began), len(found)


def load_victoria(url: str, series: dict[str, Series]) -> None:
    for name, each in series.items():
        values = ",".join(map(str, each.values.tolist()))
        stamps = ",".join(map(str, each.at_ms.tolist()))
        label = name.partition(":")[0]
        metric = f'{{"__name__":"level","device":"{label}"}}'
        body = f'{{"metric":{metric},"values":[{values}],"timestamps":[{stamps}]}}'
        with urlopen(Request(f"{url}/api/v1/import", body.encode()), timeout=60) as answer:  # noqa: S310  (ours)
            answer.read()
    with urlopen(f"{url}/internal/force_flush", timeout=60) as answer:  # noqa: S310  (the same)
        answer.read()


def vmalert(url: str, rules: Path, count: int) -> float:
    """Points a second, each rule's points counted."""
    first, last = (
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for at_ms in (BEGIN_MS, BEGIN_MS + POINTS * MINUTE_MS)
    )
    began = time.perf_counter()
    subprocess.run(
        [
            find_program("vmalert"),
            f"-rule={rules}",
            f"-datasource.url={url}",
            f"-remoteWrite.url={url}",
            f"-replay.timeFrom={first}",
            f"-replay.timeTo={last}",
            "-replay.rulesDelay=0",
            "-replay.maxDatapointsPerQuery=15000",
            "-remoteWrite.maxQueueSize=10000000",
            "-replay.disableProgressBar",
            "-loggerLevel=ERROR",
            "-httpListenAddr=127.0.0.1:0",
        ],
        check=True,
    )
    return SERIES * POINTS * count / (time.perf_counter() - began)


def promtool(folder: Path, rules: Path, series: dict[str, Series], count: int) -> float:
    """Points a second, each rule's points counted."""
    lines = [f"rule_files: [{rules.name}]", "evaluation_interval: 1m", "tests:", "- interval: 1m"]
    lines += ["  input_series:"]
    for name, each in list(series.items())[:PROMETHEUS_SERIES]:
        label = name.partition(":")[0]
        values = " ".join(map(str, each.values[:PROMETHEUS_POINTS].tolist()))
        lines += [f'  - series: level{{device="{label}"}}', f"    values: '{values}'"]
    lines += ["  alert_rule_test:", f"  - eval_time: {PROMETHEUS_POINTS - 1}m", "    alertname: none"]
    test = folder / "test.yml"
    test.write_text("\n".join(lines) + "\n")
    began = time.perf_counter()
    done = subprocess.run(
        [find_program("promtool"), "test", "rules", str(test)], check=False, capture_output=True, text=True
    )
    assert "SUCCESS" in done.stdout, done.stdout + done.stderr
    return min(SERIES, PROMETHEUS_SERIES) * PROMETHEUS_POINTS * count / (time.perf_counter() - began)


def main() -> dict[str, object]:
    at_ms = BEGIN_MS + np.arange(POINTS) * MINUTE_MS
    good = np.zeros(POINTS, dtype=np.int8)
    series = {f"d{n}:level": make_series(at_ms, values, good) for n, values in enumerate(curves())}
    figures: dict[str, object] = {"series": SERIES, "points_each": POINTS, "load": os.getloadavg()[0]}
    table = Table("rules", "Tocsin, points/s", "vmalert -replay", "promtool test rules", "transitions")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_victoria(folder) as victoria:
            load_victoria(victoria.url, series)
            for title, ladders, expressions in (
                ("a ladder of four levels, delays, hysteresis", {"ladder": ladder(Value(), LIMITS)}, _LADDER),
                ("ten kinds", ten_kinds(), _TEN),
            ):
                rules = rules_file(folder / "rules.yml", expressions, DELAYS_MIN)
                rate, found = ours(ladders, series)
                peers = len(ladders)  # four alerts of a peer are one ladder
                victoria_rate = vmalert(victoria.url, rules, peers)
                prometheus_rate = promtool(folder, rules, series, peers)
                figures[title] = {
                    "points_s": round(rate),
                    "vmalert_points_s": round(victoria_rate),
                    "prometheus_points_s": round(prometheus_rate),
                    "times_vmalert": round(rate / victoria_rate, 1),
                    "times_prometheus": round(rate / prometheus_rate, 1),
                    "transitions": found,
                }
                table.add_row(
                    title, f"{rate:,.0f}", f"{victoria_rate:,.0f}", f"{prometheus_rate:,.0f}", f"{found}"
                )
    Console().print(table)
    return figures
