"""A technician at the gauge, on the command line: maintenance, and the zero from the staff gauge."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from district.load import load_district
from edge.maintenance import BOOK, read_book
from tests.district.test_amending import changed
from tests.edge.field import district_of, instruments
from tests.edge.test_faults import MODBUS, MODBUS_INSTRUMENTS
from tests.tocsin.test_field import tocsin
from tocsin.upkeep import LEVELLINGS

DEMO = Path(__file__).parents[2]


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    for name in ("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml"):
        shutil.copy(DEMO / name, tmp_path / name)
    return tmp_path


async def test_maintenance_is_entered_listed_and_ended(demo: Path) -> None:
    code, out = await tocsin(
        *("device", "maintain", "pipe-12-rtu", "--for", "2h", "--by", "liu", "--reason", "span gas"),
        *("-d", str(demo), "--json"),
    )
    assert code == 0
    (entry,) = json.loads(out)["maintenance"]
    assert (entry["device"], entry["by"], entry["reason"]) == ("pipe-12-rtu", "liu", "span gas")
    assert entry["until"].endswith("+08:00")
    (spell,) = read_book(demo / "state" / "edge-gw-chengdong" / BOOK)
    assert spell.until_ms - spell.since_ms == 7_200_000

    code, out = await tocsin("device", "maintain", "pipe-12-rtu", "--end", "-d", str(demo))
    assert (code, out.strip()) == (0, "nothing is under maintenance")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pipe-13", "--for", "2h", "--by", "liu"], "did you mean 'pipe-12-rtu'"),
        (["pipe-12-rtu", "--for", "soon", "--by", "liu"], "2h or 45m"),
        (["pipe-12-rtu", "--for", "2h"], "say how long and who"),
        (["pipe-12-rtu", "--end"], "not under maintenance"),
    ],
)
async def test_a_mistake_is_named_with_its_remedy(demo: Path, arguments: list[str], says: str) -> None:
    command = [sys.executable, "-m", "tocsin", "device", "maintain", *arguments, "-d", str(demo)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


async def test_the_zero_is_what_the_staff_gauge_shows_above_the_reading(demo: Path) -> None:
    before = (demo / "devices.yaml").read_text(encoding="utf-8")

    code, out = await tocsin(
        *("device", "zero", "res-01-level", "--staff", "78.42", "--reading", "7.05", "--by", "chen-li"),
        *("-d", str(demo), "--json"),
    )

    assert code == 0
    told: dict[str, Any] = json.loads(out)
    assert (told["zero_before"], told["zero"], told["by"]) == (71.35, 71.37, "chen-li")
    lines = changed(before, (demo / "devices.yaml").read_text(encoding="utf-8"))
    assert lines == [lines[0], lines[0].replace("71.35", "71.37").replace("-", "+", 1)]
    assert load_district(demo).devices["res-01-level"].datum_zero == 71.37
    record = demo / "state" / "edge-gw-qingshan" / LEVELLINGS
    assert [json.loads(line)["staff"] for line in record.read_text().splitlines()] == [78.42]


async def test_the_gauge_is_asked_where_nobody_says_what_it_shows(tmp_path: Path) -> None:
    district_of(tmp_path / "district", MODBUS)
    async with instruments(tmp_path / "sim", MODBUS_INSTRUMENTS) as sim:
        code, out = await tocsin(
            *("device", "zero", "plc", "--staff", "10", "--by", "chen-li", "--port", sim.endpoints["plc"]),
            *("-d", str(tmp_path / "district"), "--json"),
        )

    assert code == 0
    assert json.loads(out)["zero"] == pytest.approx(10 - 3.456)
