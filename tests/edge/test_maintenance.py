"""While somebody works on an instrument its readings are kept and marked, and it ends by itself."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.errors import EdgeSpecError
from edge.maintenance import BOOK, Maintenance, Spell, enter, read_book, write_book
from tests.edge.field import agent, centre, clock_text, district_of, instruments, until
from tests.edge.test_faults import MODBUS, MODBUS_INSTRUMENTS
from transport.clock import parse_clock
from transport.measurement import Quality
from transport.session import Endpoint

NOON_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


class Day:
    """The event time of a test."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def now(self) -> int:
        return self.now_ms


def spell(device: str = "gas", *, hours: float = 1.0, since_ms: int = NOON_MS) -> Spell:
    return Spell(device=device, since_ms=since_ms, until_ms=since_ms + int(hours * HOUR_MS), by="chen-li")


def test_it_begins_when_it_is_entered_and_ends_by_itself(tmp_path: Path) -> None:
    day = Day()
    maintenance = Maintenance(tmp_path / BOOK, now_ms=day.now)
    assert not maintenance.covers("gas")

    write_book(tmp_path / BOOK, [spell()])
    with capture_logs() as logs:
        maintenance.look()
        assert maintenance.covers("gas")
        day.now_ms += HOUR_MS
        assert not maintenance.covers("gas")
        maintenance.look()

    assert [entry["event"] for entry in logs] == ["maintenance-begins", "maintenance-ends"]


def test_a_new_spell_takes_the_place_of_the_old_and_what_is_over_goes() -> None:
    book = [spell("gas"), spell("flow", hours=3), spell("over", since_ms=NOON_MS - 5 * HOUR_MS)]

    assert enter(book, spell("gas", hours=2)) == [spell("flow", hours=3), spell("gas", hours=2)]


def test_a_book_that_cannot_be_read_says_what_to_do_and_changes_nothing(tmp_path: Path) -> None:
    day = Day()
    maintenance = Maintenance(tmp_path / BOOK, now_ms=day.now)
    write_book(tmp_path / BOOK, [spell()])
    maintenance.look()
    (tmp_path / BOOK).write_text("half a bo")

    with capture_logs() as logs:
        maintenance.look()

    assert [entry["event"] for entry in logs] == ["maintenance-unread"]
    assert maintenance.covers("gas")
    with pytest.raises(EdgeSpecError, match="delete it"):
        read_book(tmp_path / BOOK)


@pytest.mark.server
async def test_a_gauge_under_maintenance_is_marked_also_after_a_restart_and_is_good_afterwards(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(100)
    state = tmp_path / "state"
    state.mkdir()
    district = district_of(tmp_path / "district", MODBUS)
    async with (
        instruments(tmp_path / "sim", MODBUS_INSTRUMENTS, clock=clock) as sim,
        centre(broker) as there,
    ):

        def marked() -> bool:
            newest = there.samples("one", "level")[-1:]
            return [each.quality for each in newest] == [Quality.MAINTENANCE]

        now_ms = parse_clock(clock).now_ms
        async with agent(district, broker, state, clock=clock, bus_endpoints=sim.endpoints):
            await until(lambda: len(there.counters("one")) > 2, "answers")
            begun = replace_times(spell("one"), now_ms(), 6 * HOUR_MS)
            write_book(state / BOOK, [begun])
            await until(marked, "the mark")
        async with agent(district, broker, state, clock=clock, bus_endpoints=sim.endpoints):
            count = len(there.samples("one", "level"))
            await until(lambda: len(there.samples("one", "level")) > count + 2, "more")
            assert marked()
            write_book(state / BOOK, [replace_times(begun, begun.since_ms, 1)])
            await until(lambda: there.samples("one", "level")[-1].quality.is_good, "its end")

    values = there.values("one", "level")
    assert None not in values
    assert {each.quality for each in there.samples("two", "level")} == {Quality.GOOD}


def replace_times(entry: Spell, since_ms: int, lasts_ms: int) -> Spell:
    return Spell(device=entry.device, since_ms=since_ms, until_ms=since_ms + lasts_ms, by=entry.by)
