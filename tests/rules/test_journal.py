"""Kill and restart: snapshot plus journal give the same transitions, each announced once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.desk import Desk, as_message, open_desk
from rules.journal import Journal, open_journal, read_transitions
from rules.plain import Engine
from rules.rulebook import Rulebook
from rules.state import Announced
from rules.transition import Announcement, Cause, Level, Transition, decode_announcement
from tests.rules.support import Seen, batch, ladder, minute, reading, seen
from transport.acks import Ack
from transport.batch import Batch, encode_batch
from transport.outbox import Outbox, open_outbox

LADDER = "{blue: {above: 1}, yellow: {above: 2, for: 4m}, red: {above: 3, clear: 2, for: 2 samples}}"


@asynccontextmanager
async def opened(
    folder: Path, rules: Rulebook, now_ms: int = 0
) -> AsyncIterator[tuple[Desk, Journal, Outbox]]:
    async with (
        open_journal(folder / "journal.sqlite") as journal,
        open_outbox(folder / "outbox.sqlite", epoch=journal.epoch, consumers=["alerting"]) as outbox,
    ):
        yield await open_desk(journal, outbox, rules, now_ms), journal, outbox


async def announce(journal: Journal, outbox: Outbox, announced: list[Announced]) -> None:
    """What the desk does without a broker."""
    await journal.record(announced)
    for each in announced:
        await outbox.append(each.ordinal, as_message(each, journal.epoch))


async def feed(desk: Desk, one: Batch, now_ms: int) -> list[Announced]:
    await desk.keep([(encode_batch(one), one)], now_ms)
    return desk.judge(one, now_ms)


async def sent(outbox: Outbox) -> list[Announcement]:
    return [decode_announcement(entry.body) for entry in await outbox.backlog("alerting", most=10_000)]


def key_and_flags(transitions: list[Transition]) -> list[tuple[str, bool]]:
    return [(each.key, each.superseded) for each in transitions]


async def _killed_anywhere(
    folder: Path, values: list[float], kills: list[int], rules: Rulebook
) -> list[Announcement]:
    """Feed values; at each kill the process ends after another step of its work, then starts again."""
    todo = [(batch([reading(5 * index, value)]), minute(5 * index)) for index, value in enumerate(values)]
    position = 0
    for kill in [*kills, -1]:
        async with opened(folder, rules) as (desk, journal, outbox):
            if position:  # what was not acknowledged comes again; so may what was
                position -= 1
            while position < len(todo):
                one, now_ms = todo[position]
                await desk.keep([(encode_batch(one), one)], now_ms)
                position += 1
                if position == kill:
                    break  # killed between commit and judgement
                announced = desk.judge(one, now_ms)
                if position == kill - 100:
                    break  # killed between judgement and announcement
                await journal.record(announced)
                if position == kill - 200:
                    break  # killed between record and outbox
                await announce(journal, outbox, announced)
                await desk.keep_snapshot(at_once=position % 7 == 0)
    async with opened(folder, rules) as (_, _, outbox):
        return await sent(outbox)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0, 4.0]), min_size=5, max_size=25),
    kills=st.lists(st.tuples(st.integers(1, 24), st.sampled_from([0, 100, 200])), max_size=4),
)
def test_kills_at_any_moment_change_nothing(
    values: list[float], kills: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rules = ladder(LADDER, clear_for="4m")
    engine = Engine(rules)
    undisturbed = [
        each
        for index, value in enumerate(values)
        for each in engine.take(batch([reading(5 * index, value)]), minute(5 * index))
    ]
    folder = tmp_path_factory.mktemp("killed")
    moments = [position + moment for position, moment in sorted(kills)]
    found = asyncio.run(_killed_anywhere(folder, values, moments, rules))

    assert [(each.seq, each.transition) for each in found] == [
        (each.ordinal, each.transition) for each in undisturbed
    ]
    assert read_transitions(folder / "journal.sqlite") == [each.transition for each in undisturbed]


async def test_ticks_are_judged_again_in_their_place(tmp_path: Path) -> None:
    rules = ladder("{red: {above: 3}}")
    async with opened(tmp_path, rules) as (desk, journal, _):
        desk.hear(minute(0))
        assert await feed(desk, batch([reading(0, 4)]), minute(60)) == []
        desk.tick(minute(60.1))
        announced = desk.tick(minute(61))
        await journal.record(announced)
        assert seen(announced) == [Seen(0, "normal", "red")]
    async with opened(tmp_path, rules) as (_, _, outbox):
        assert [each.transition for each in await sent(outbox)] == [each.transition for each in announced]


async def test_noted_ticks_that_a_kill_took_leave_no_trace(tmp_path: Path) -> None:
    rules = ladder("{red: {above: 3}}")
    async with opened(tmp_path, rules) as (desk, journal, _):
        desk.hear(minute(0))
        await feed(desk, batch([reading(0, 4)]), minute(60))
        desk.tick(minute(61))
        journal._noted.clear()  # the power went
    async with opened(tmp_path, rules) as (desk, _, outbox):
        assert await sent(outbox) == []
        assert seen(desk.tick(minute(62))) == [Seen(0, "normal", "red")]


async def test_an_acknowledged_transition_is_not_sent_again_after_a_restart(tmp_path: Path) -> None:
    rules = ladder("{red: {above: 3}}")
    async with opened(tmp_path, rules) as (desk, journal, outbox):
        await announce(journal, outbox, await feed(desk, batch([reading(0, 4)]), minute(0)))
        await outbox.acknowledge(Ack(consumer="alerting", epoch=journal.epoch, ranges=[(1, 1)]))
    async with opened(tmp_path, rules) as (_, _, outbox):
        assert await sent(outbox) == []


async def test_an_edited_limit_keeps_the_level_and_says_that_limits_changed(tmp_path: Path) -> None:
    async with opened(tmp_path, ladder("{yellow: {above: 3}}", clear_for="5m")) as (desk, journal, outbox):
        await announce(journal, outbox, await feed(desk, batch([reading(0, 4)]), minute(0)))
    edited = ladder("{yellow: {above: 6}}", clear_for="5m")
    async with opened(tmp_path, edited, minute(3)) as (desk, _, _):
        assert await feed(desk, batch([reading(5, 4)]), minute(5)) == []
        found = await feed(desk, batch([reading(10, 4)]), minute(10))
    assert seen(found) == [Seen(10, "yellow", "normal")]
    assert found[0].transition.cause is Cause.LIMITS


async def test_an_edit_that_raises_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, ladder("{red: {above: 6}}")) as (desk, _, _):
        await feed(desk, batch([reading(0, 4)]), minute(0))
    async with opened(tmp_path, ladder("{red: {above: 3}}"), minute(3)) as (desk, _, _):
        found = await feed(desk, batch([reading(5, 4)]), minute(5))
    assert (found[0].transition.to, found[0].transition.cause) == (Level.RED, Cause.LIMITS)


async def test_an_alarm_whose_rule_is_gone_ends(tmp_path: Path) -> None:
    async with opened(tmp_path, ladder("{yellow: {above: 3}}")) as (desk, journal, outbox):
        await announce(journal, outbox, await feed(desk, batch([reading(0, 4)]), minute(0)))
    other = Rulebook(rules={}, watches=(), silences=(), seasons={}, timezone=desk.engine.rulebook.timezone)
    for _ in range(2):  # the second start finds nothing more to say
        async with opened(tmp_path, other, minute(3)) as (_, _, outbox):
            last = (await sent(outbox))[-1].transition
            assert len(await sent(outbox)) == 2
    assert (last.to, last.cause, last.at_ms) == (Level.NORMAL, Cause.LIMITS, minute(3))


async def test_the_journal_lets_go_of_what_a_snapshot_holds(tmp_path: Path) -> None:
    rules = ladder("{red: {above: 3}}")
    async with opened(tmp_path, rules) as (desk, journal, _):
        await feed(desk, batch([reading(0, 4)]), minute(0))
        await desk.keep_snapshot(at_once=True)
        kept = await journal.load()
    assert kept is not None
    assert kept.entries == []


async def test_without_a_journal_nothing_was_announced(tmp_path: Path) -> None:
    assert read_transitions(tmp_path / "none.sqlite") == []
