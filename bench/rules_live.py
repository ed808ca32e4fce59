"""What a reading costs the living engine, from a hundred subjects to a hundred thousand, and what they weigh.

Ten ladders watch each subject; readings come in batches of a hundred, each of another subject. The plain
engine, which judges every reading by every rule, runs over the same batches. Each size has its own process,
so that memory is that of the engine, its rules and its records. One reading in five hundred is an alarm.
"""

import gc
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.table import Table

from rules.calm import CalmEngine
from rules.ladder import Ladder, Rung
from rules.plain import Engine
from rules.rulebook import Rulebook, Watch
from rules.transition import Level
from transport.batch import Batch, Reading, build_batch
from transport.measurement import Quality

SIZES = (100, 1_000, 10_000, 100_000)
LADDERS, BATCH = 10, 100
BEGIN_MS, EVERY_MS = 1_500_000_000_000, 60_000
ROUNDS = 10  # readings of each subject
MOST_BATCHES = 2_000
ALARMING = 500  # one reading in so many


def rulebook(subjects: int) -> Rulebook:
    ladders = [
        {
            "": Ladder(
                rising=True,
                rungs=tuple(
                    Rung(
                        level=level,
                        limit=10.0 * number + level,
                        clear=10.0 * number + level - 0.5,
                        for_ms=60_000,
                    )
                    for level in (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
                ),
                clear_for_ms=60_000,
            )
        }
        for number in range(1, LADDERS + 1)
    ]
    devices = [f"d{number}" for number in range(subjects)]
    nothing: frozenset[str] = frozenset()
    watches = tuple(
        Watch(
            rule=f"rule-{number}",
            hazard="flood",
            device=device,
            point="level",
            site="site",
            unit="m",
            seasons=nothing,
            ladders=ladders[number],
            stale_after_ms=3 * EVERY_MS,
            allowance_ms=2 * EVERY_MS,
        )
        for device in devices
        for number in range(LADDERS)
    )
    return Rulebook(rules={}, watches=watches, silences=(), seasons={}, timezone=ZoneInfo("Asia/Shanghai"))


def batches(subjects: int, most: int) -> Iterator[Batch]:
    count = 0
    for turn in range(max(ROUNDS, most * BATCH // subjects)):
        for first in range(0, subjects, BATCH):
            if count == max(most, ROUNDS * subjects // BATCH):
                return
            readings = [
                Reading(
                    f"d{number}",
                    BEGIN_MS + turn * EVERY_MS,
                    {"level": (12.0 if (number + turn) % ALARMING == 7 else 3.0 + turn % 5, Quality.GOOD)},
                )
                for number in range(first, min(first + BATCH, subjects))
            ]
            yield build_batch(readings, gateway="gw", epoch="e", seq=count)
            count += 1


class Weighed(msgspec.Struct):
    subjects: int
    readings_s: float
    evaluations_s: float
    announced: int
    megabytes: float


def weigh(subjects: int, *, plain: bool) -> Weighed:
    """One size, in this process."""
    engine = (Engine if plain else CalmEngine)(rulebook(subjects))
    spent_s, readings, announced = 0.0, 0, 0
    most = MOST_BATCHES // 10 if plain else MOST_BATCHES
    gc.freeze()
    for batch in batches(subjects, most):
        began = time.perf_counter()
        announced += len(engine.take(batch, batch.origin_ms))
        spent_s += time.perf_counter() - began
        readings += len(batch.groups)
        if plain and readings >= most * BATCH:
            break
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = readings / spent_s
    return Weighed(subjects, rate, rate * LADDERS, announced, megabytes)


def main() -> dict[str, object]:
    table = Table("subjects", "readings/s", "evaluations/s", "plain, evaluations/s", "memory, MB")
    figures: list[dict[str, object]] = []
    for subjects in SIZES:
        quick, slow = (_apart(subjects, how) for how in ("calm", "plain"))
        figures.append(
            {
                "subjects": subjects,
                "readings_s": round(quick.readings_s),
                "evaluations_s": round(quick.evaluations_s),
                "plain_evaluations_s": round(slow.evaluations_s),
                "megabytes": round(quick.megabytes),
                "announced": quick.announced,
            }
        )
        table.add_row(
            f"{subjects:,}",
            f"{quick.readings_s:,.0f}",
            f"{quick.evaluations_s:,.0f}",
            f"{slow.evaluations_s:,.0f}",
            f"{quick.megabytes:,.0f}",
        )
    Console().print(table)
    return {"ladders": LADDERS, "batch": BATCH, "load": os.getloadavg()[0], "sizes": figures}


def _apart(subjects: int, how: str) -> Weighed:
    command = [sys.executable, "-m", "bench.rules_live", str(subjects), how]
    done = subprocess.run(command, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Weighed)


if __name__ == "__main__":
    weighed = weigh(int(sys.argv[1]), plain=sys.argv[2] == "plain")
    sys.stdout.buffer.write(msgspec.json.encode(weighed))
