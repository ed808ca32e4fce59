"""The outbox's file: what a torn or full disk leaves of it, and what is given up when it may not grow."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transport.acks import Ack
from transport.outbox_file import Append, Keeping, OutboxFile

BOTH = ("store", "rules")
ALL = 1_000_000
PAGE = 4096


def body_of(seq: int) -> bytes:
    """A body that tells whether it is whole, a hundred to three thousand bytes long."""
    filling = random.Random(seq)
    return b"%06d:" % seq + filling.randbytes(filling.randrange(100, 3000)) + b":%06d" % seq


def is_whole(epoch: str, seq: int, body: bytes) -> bool:
    return isinstance(epoch, str) and isinstance(seq, int) and body == body_of(seq)


MENDING = Keeping(is_whole=is_whole)


@contextmanager
def opened(path: Path, *, epoch: str = "e", keeping: Keeping = MENDING) -> Iterator[OutboxFile]:
    file = OutboxFile(path, epoch=epoch, consumers=BOTH, keeping=keeping)
    try:
        yield file
    finally:
        file.close()


def append(file: OutboxFile, *numbers: int, urgent: bool = False) -> list[bytes]:
    return file.write([Append(seq, body_of(seq), urgent) for seq in numbers])


def lacking(file: OutboxFile, consumer: str = "store") -> set[int]:
    return {entry.seq for entry in file.backlog(consumer, ALL)}


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 300 messages that nobody has, written in many transactions, with an empty log."""
    path = tmp_path_factory.mktemp("spool") / "spool"
    with opened(path) as file:
        for first in range(1, 301, 10):
            append(file, *range(first, first + 10))
    return path


def copy_of(spool: Path, folder: Path) -> Path:
    copy = folder / "spool"
    for companion in ("", "-wal"):
        source = spool.with_name(spool.name + companion)
        if source.exists():
            shutil.copy(source, copy.with_name(copy.name + companion))
    return copy


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_a_file_cut_short_gives_back_every_message_that_is_left_whole(
    tmp_path_factory: pytest.TempPathFactory, spool: Path, share: float
) -> None:
    path = copy_of(spool, tmp_path_factory.mktemp("cut"))
    whole = path.read_bytes()
    left = whole[: int(share * len(whole))]
    path.write_bytes(left)

    with opened(path, epoch="next") as file:
        for consumer in BOTH:
            assert lacking(file, consumer) >= {seq for seq in range(1, 301) if body_of(seq) in left}
        append(file, 1)
        assert file.backlog("rules", ALL)[-1][1:] == ("next", 1, body_of(1))


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 10**9), torn=st.binary(min_size=512, max_size=6000))
def test_a_torn_page_costs_no_message_but_those_on_it(
    tmp_path_factory: pytest.TempPathFactory, spool: Path, place: int, torn: bytes
) -> None:
    path = copy_of(spool, tmp_path_factory.mktemp("torn"))
    data = bytearray(path.read_bytes())
    at = place % (len(data) - len(torn))
    data[at : at + len(torn)] = torn
    path.write_bytes(data)

    with opened(path, epoch="next") as file:
        pages = range(at // PAGE, (at + len(torn) - 1) // PAGE + 1)
        elsewhere = {seq for seq in range(1, 301) if data.find(body_of(seq)) // PAGE not in {-1, *pages}}
        found = [*file.backlog("store", ALL), *file.backlog("rules", ALL)]

    assert {entry.seq for entry in found} >= elsewhere
    assert all(is_whole(entry.epoch, entry.seq, entry.body) for entry in found)


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 1))
def test_a_log_cut_short_leaves_what_was_committed_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    folder = tmp_path_factory.mktemp("log")
    with opened(folder / "running") as running:
        for first in range(1, 101, 5):
            append(running, *range(first, first + 5))
        (folder / "later").mkdir()
        path = copy_of(folder / "running", folder / "later")
    log = path.with_name(path.name + "-wal")
    data = log.read_bytes()
    log.write_bytes(data[: int(share * len(data))])

    with opened(path, epoch="next") as file:
        kept = lacking(file)
    assert kept == set(range(1, len(kept) + 1))
    assert len(kept) % 5 == 0
    assert len(kept) == 100 or share < 1


def test_a_file_whose_head_is_gone_gives_back_its_messages_and_those_of_its_log(tmp_path: Path) -> None:
    with opened(tmp_path / "running") as running:
        append(running, *range(1, 200))
        running._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        append(running, *range(200, 250))
        (tmp_path / "later").mkdir()
        path = copy_of(tmp_path / "running", tmp_path / "later")
    data = bytearray(path.read_bytes())
    data[:60] = b"?" * 60
    path.write_bytes(data)
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > 0

    with opened(path, epoch="next") as file:
        assert lacking(file) == set(range(1, 250))


def test_a_file_that_breaks_while_it_is_in_use_is_mended_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with opened(path) as file:
        append(file, *range(1, 300))
        file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file._connection.execute("PRAGMA cache_size = 0")
        data = bytearray(path.read_bytes())
        for page in range(1, len(data) // PAGE):
            data[page * PAGE] ^= 0xA5  # no page but the first says what it is
        path.write_bytes(data)

        append(file, 300)

        assert lacking(file) == {300}
        assert path.with_name("spool.broken").exists()
        assert file.write([Ack(consumer="store", epoch="e", ranges=[(300, 300)])]) == []


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"not what it was" * 1000)

    with opened(path) as file:
        append(file, 1)
        assert lacking(file) == {1}
    assert path.with_name("spool.broken").read_bytes().startswith(b"not what it was")


def test_whoever_does_not_ask_for_mending_is_told(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    path.write_bytes(b"not what it was" * 1000)

    with pytest.raises(sqlite3.DatabaseError):
        OutboxFile(path, epoch="e", consumers=BOTH, keeping=Keeping())
    assert path.read_bytes().startswith(b"not what it was")


def test_a_file_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with opened(path) as file:
        append(file, 1, 2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP INDEX ordinary")
        connection.execute("ALTER TABLE message DROP COLUMN urgent")

    with opened(path, epoch="next") as file:
        append(file, 1, urgent=True)
        assert [(e.epoch, e.seq) for e in file.backlog("store", ALL)] == [("e", 1), ("e", 2), ("next", 1)]


URGENCY = st.lists(st.booleans(), min_size=100, max_size=400)


@settings(max_examples=15, deadline=None)
@given(urgency=URGENCY)
def test_a_full_spool_gives_up_the_oldest_and_least_important_and_says_what(
    tmp_path_factory: pytest.TempPathFactory, urgency: list[bool]
) -> None:
    most = 200 * 1024
    given_up: list[bytes] = []
    path = tmp_path_factory.mktemp("full") / "spool"
    with opened(path, keeping=Keeping(most_bytes=most)) as file:
        for seq, urgent in enumerate(urgency, start=1):
            given_up += append(file, seq, urgent=urgent)
            assert file.used_bytes() <= most
        kept = lacking(file)
        assert lacking(file, "rules") == kept

    lost = {int(body[:6]) for body in given_up}
    urgent_ones = {seq for seq, urgent in enumerate(urgency, start=1) if urgent}
    assert lost | kept == set(range(1, len(urgency) + 1))
    assert not lost & kept
    ordinary = {seq for seq in kept if seq not in urgent_ones}
    if lost - urgent_ones:
        assert min(ordinary, default=ALL) > max(lost - urgent_ones)
    assert path.stat().st_size <= most + 64 * PAGE
