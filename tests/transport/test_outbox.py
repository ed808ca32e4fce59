"""The outbox keeps what was appended until every consumer has it, whatever kills the process."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transport.acks import Ack, to_ranges
from transport.outbox import Outbox, open_outbox

REPOSITORY = Path(__file__).parents[2]
BOTH = ("store", "rules")
ALL = 1_000_000


async def lacking(outbox: Outbox, consumer: str) -> list[tuple[str, int]]:
    return [(entry.epoch, entry.seq) for entry in await outbox.backlog(consumer, most=ALL)]


async def append(outbox: Outbox, count: int) -> list[int]:
    numbers = [outbox.next_seq() for _ in range(count)]
    await asyncio.gather(*(outbox.append(seq, b"body %d" % seq) for seq in numbers))
    return numbers


async def acknowledge(outbox: Outbox, consumer: str, *numbers: int, epoch: str = "first") -> None:
    await outbox.acknowledge(Ack(consumer=consumer, epoch=epoch, ranges=to_ranges(numbers)))


async def test_a_message_stays_until_all_consumers_have_it(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "outbox", epoch="first", consumers=BOTH) as outbox:
        assert await append(outbox, 3) == [1, 2, 3]

        await acknowledge(outbox, "store", 1, 2)
        await acknowledge(outbox, "rules", 2, 3)

        assert await lacking(outbox, "store") == [("first", 3)]
        assert await lacking(outbox, "rules") == [("first", 1)]
        assert await outbox.depth() == 2
        await acknowledge(outbox, "store", 3)
        await acknowledge(outbox, "rules", 1)
        assert await outbox.depth() == 0


async def test_bodies_come_back_oldest_first(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "outbox", epoch="first", consumers=BOTH) as outbox:
        await append(outbox, 5)

        assert [entry.body for entry in await outbox.backlog("rules", most=2)] == [b"body 1", b"body 2"]


async def test_an_acknowledgement_of_another_run_or_consumer_deletes_nothing(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "outbox", epoch="first", consumers=BOTH) as outbox:
        await append(outbox, 2)
        await acknowledge(outbox, "store", 1, 2, epoch="other")
        await acknowledge(outbox, "display", 1, 2)

        assert len(await lacking(outbox, "store")) == 2


async def test_the_next_run_sends_what_the_last_one_left(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    async with open_outbox(path, epoch="first", consumers=BOTH) as outbox:
        await append(outbox, 2)
    async with open_outbox(path, epoch="second", consumers=BOTH) as outbox:
        await append(outbox, 1)

        assert await lacking(outbox, "store") == [("first", 1), ("first", 2), ("second", 1)]


async def test_a_sender_that_comes_to_the_same_messages_again_sends_each_once(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    async with open_outbox(path, epoch="only", consumers=["alerting"]) as outbox:
        await append(outbox, 3)
        await acknowledge(outbox, "alerting", 1, 2, 3, epoch="only")
    async with open_outbox(path, epoch="only", consumers=["alerting"]) as outbox:
        for seq in (2, 3, 4):
            await outbox.append(seq, b"again")

        assert await lacking(outbox, "alerting") == [("only", 4)]
    async with open_outbox(path, epoch="only", consumers=["alerting"]) as outbox:
        assert outbox.next_seq() == 5


async def test_a_consumer_no_longer_named_is_waited_for_no_more(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    async with open_outbox(path, epoch="first", consumers=BOTH) as outbox:
        await append(outbox, 2)
        await acknowledge(outbox, "rules", 1)
    async with open_outbox(path, epoch="second", consumers=["rules"]) as outbox:
        assert await outbox.depth() == 1
        assert await lacking(outbox, "rules") == [("first", 2)]


async def test_a_new_consumer_gets_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    async with open_outbox(path, epoch="first", consumers=["rules"]) as outbox:
        await append(outbox, 1)
    async with open_outbox(path, epoch="second", consumers=BOTH) as outbox:
        await append(outbox, 1)

        assert await lacking(outbox, "store") == [("second", 1)]


async def test_a_message_that_cannot_be_kept_is_an_error_and_holds_up_nobody(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "outbox", epoch="first", consumers=BOTH) as outbox:
        await outbox.append(1, b"kept")
        with pytest.raises(sqlite3.IntegrityError):
            await outbox.append(1, b"the number is taken")
        with pytest.raises(OverflowError):
            await outbox.append(2**64, b"no number of SQLite's")

        await outbox.append(2, b"kept")
        assert await lacking(outbox, "store") == [("first", 1), ("first", 2)]


async def test_a_sender_that_stops_waiting_still_leaves_its_message(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "outbox", epoch="first", consumers=BOTH) as outbox:
        waiting = asyncio.create_task(outbox.append(1, b"body"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await outbox.append(2, b"body")

        assert await lacking(outbox, "store") == [("first", 1), ("first", 2)]


ACKS = st.tuples(st.sampled_from(BOTH), st.lists(st.integers(1, 20), min_size=1))


@settings(max_examples=25)
@given(acks=st.lists(ACKS, max_size=8))
async def test_what_a_consumer_lacks_is_what_it_has_not_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, acks: list[tuple[str, list[int]]]
) -> None:
    path = tmp_path_factory.mktemp("outbox") / "outbox"
    has: dict[str, set[int]] = {consumer: set() for consumer in BOTH}
    async with open_outbox(path, epoch="first", consumers=BOTH) as outbox:
        numbers = set(await append(outbox, 20))
        for consumer, acknowledged in acks:
            await acknowledge(outbox, consumer, *acknowledged)
            has[consumer].update(acknowledged)

        for consumer in BOTH:
            assert {seq for _, seq in await lacking(outbox, consumer)} == numbers - has[consumer]
        assert await outbox.depth() == len(numbers - (has["store"] & has["rules"]))


SENDER = """
import asyncio, os, sys
from pathlib import Path
from transport.acks import Ack
from transport.outbox import open_outbox

def say(what, seq):
    os.write(1, b"%s %d\\n" % (what, seq))

async def send(outbox):
    while True:
        seq = outbox.next_seq()
        await outbox.append(seq, b"x" * (seq % 5000))
        say(b"appended", seq)
        if seq % 3 == 0:
            for consumer in ("store", "rules"):
                await outbox.acknowledge(Ack(consumer=consumer, epoch=outbox.epoch, ranges=[(seq, seq)]))
            say(b"acknowledged", seq)

async def main():
    async with open_outbox(Path(sys.argv[1]), epoch=sys.argv[2], consumers=["store", "rules"]) as outbox:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(send(outbox))

asyncio.run(main())
"""


def killed_sender(path: Path, epoch: str, *, after: int) -> tuple[set[int], set[int]]:
    """Run a sender, kill it under load; what it had been told is appended, and is acknowledged."""
    told: dict[str, set[int]] = {"appended": set(), "acknowledged": set()}
    command = [sys.executable, "-c", SENDER, str(path), epoch]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        for count, line in enumerate(sender.stdout):
            if not line.endswith("\n"):
                break
            what, seq = line.split()
            told[what].add(int(seq))
            if count == after:
                sender.send_signal(signal.SIGKILL)
    return told["appended"], told["acknowledged"]


async def test_a_kill_under_load_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    expected: set[tuple[str, int]] = set()
    gone: set[tuple[str, int]] = set()
    for run in range(6):
        epoch = f"run-{run}"
        appended, acknowledged = await asyncio.to_thread(killed_sender, path, epoch, after=150 + 83 * run)
        assert len(appended) > 50
        expected |= {(epoch, seq) for seq in appended if seq % 3}
        gone |= {(epoch, seq) for seq in acknowledged}

    async with open_outbox(path, epoch="last", consumers=BOTH) as outbox:
        for consumer in BOTH:
            found = await lacking(outbox, consumer)
            assert len(found) == len(set(found))
            assert expected <= set(found)
            assert not gone & set(found)
        for entry in await outbox.backlog("store", most=ALL):
            assert entry.body == b"x" * (entry.seq % 5000)
