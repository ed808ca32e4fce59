import asyncio
import sys
from pathlib import Path

import pytest

from firmware_sim.record import RECORD_FILE, Record, read_served
from tests.firmware_sim.masters import until

WRITER = """
import sys
from pathlib import Path
from firmware_sim.record import Record
with Record(Path(sys.argv[1])) as record:
    counter = 0
    while True:
        counter += 1
        record.note("gauge", counter=counter, wall_s=0.0, event_ms=0, values={"input/0": 1.5}, fault=None)
        print(counter, flush=True)
"""


def test_rows_come_back_in_order_with_everything(tmp_path: Path) -> None:
    with Record(tmp_path / RECORD_FILE) as record:
        first = record.note("a", counter=1, wall_s=10.5, event_ms=20, values={"input/0": 0.5}, fault=None)
        record.note("a", counter=None, wall_s=11.5, event_ms=21, values={}, fault="silence")
        record.note_answered(first, 12.0)
        served = read_served(tmp_path)
        last = record.last_counter("a")

    assert [(row.counter, row.wall_s, row.event_ms, row.fault, row.answered_s) for row in served] == [
        (1, 10.5, 20, None, 12.0),
        (None, 11.5, 21, "silence", None),
    ]
    assert served[0].values == {"input/0": 0.5}
    assert last == 1


async def test_the_record_survives_the_death_of_its_writer(tmp_path: Path) -> None:
    file = tmp_path / RECORD_FILE
    log = tmp_path / "written"
    with log.open("wb") as output:
        writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(file), stdout=output)
    try:
        await until(lambda: log.stat().st_size > 500)
    finally:
        writer.kill()
        await writer.wait()

    written = int(log.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()[-1])
    assert [row.counter for row in read_served(file)][:written] == list(range(1, written + 1))


def test_a_folder_where_nobody_served_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no simulator has served here"):
        read_served(tmp_path)
