"""The writer: what a store refuses is found and set aside, what it cannot take now waits."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import writer as writer_module
from collector.block import Block, blocks_from
from collector.dead_letters import DeadLetter, DeadLetters
from collector.errors import StoreDownError, StoreRefusedError, http_error
from collector.store import Bucket, Correction, Row
from collector.writer import Tally, Writer
from tests.collector.gateways import NOON
from transport.batch import Sample
from transport.clock import real_clock
from transport.measurement import Quality


class PickyDatabase:
    """A database that takes no odd number, and is down at times."""

    def __init__(self, *, down: int = 0) -> None:
        self.down = down
        self.taken: set[Sample] = set()
        self.requests = 0

    async def write(self, blocks: Sequence[Block]) -> None:
        self.requests += 1
        samples = [sample for block in blocks for sample in block.samples()]
        if self.down:
            self.down -= 1
            raise StoreDownError("away")
        if any(sample.at_ms % 2 for sample in samples):
            raise StoreRefusedError("odd")
        self.taken.update(samples)

    async def history(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Row]:
        raise StoreRefusedError(f"{device}/{point} {start_ms} {end_ms}: only written to here")

    async def aggregate(
        self, device: str, point: str, start_ms: int, end_ms: int, step_ms: int
    ) -> list[Bucket]:
        raise StoreRefusedError(f"{device}/{point} {start_ms} {end_ms} {step_ms}: only written to here")

    async def correct(self, device: str, point: str, corrections: Sequence[Correction]) -> None:
        raise StoreRefusedError(f"{device}/{point} {corrections}: only written to here")

    async def corrections(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Correction]:
        raise StoreRefusedError(f"{device}/{point} {start_ms} {end_ms}: only written to here")

    async def earliest(self) -> list[Sample]:
        raise StoreRefusedError("only written to here")

    async def latest(self) -> list[Sample]:
        raise StoreRefusedError("only written to here")


def blocks_at(instants: Iterable[int]) -> list[Block]:
    return blocks_from(Sample("gauge", "level", at_ms, 1.0, Quality.GOOD) for at_ms in instants)


def letters(path: Path) -> list[DeadLetter]:
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=DeadLetter) for line in path.read_bytes().splitlines()]


@given(instants=st.lists(st.integers(0, 1000), max_size=40, unique=True))
async def test_exactly_the_poison_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, instants: list[int]
) -> None:
    path = tmp_path_factory.mktemp("letters") / "dead.jsonl"
    database, tally = PickyDatabase(), Tally()
    writer = Writer(database, DeadLetters(path), clock=real_clock(), tally=tally)

    await writer.write(blocks_at(instants))

    odd = [at_ms for at_ms in instants if at_ms % 2]
    assert {sample.at_ms for sample in database.taken} == set(instants) - set(odd)
    assert [letter.sample.at_ms for letter in letters(path) if letter.sample] == odd
    assert all("odd" in letter.reason for letter in letters(path))
    assert (tally.stored, tally.refused, tally.dead_letters) == (len(instants) - len(odd), len(odd), len(odd))


async def test_one_poison_sample_costs_few_requests(tmp_path: Path) -> None:
    database = PickyDatabase()
    writer = Writer(database, DeadLetters(tmp_path / "dead"), clock=real_clock(), tally=Tally())

    await writer.write(blocks_at([*range(0, 8192, 2), 4095]))

    assert len(database.taken) == 4096
    assert database.requests <= 2 * 13 + 1


async def test_a_store_that_is_down_is_asked_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_BACKOFF_S", (0.001, 0.002))
    database, tally = PickyDatabase(down=20), Tally()
    writer = Writer(database, DeadLetters(tmp_path / "dead"), clock=real_clock(), tally=tally)

    await writer.write(blocks_at([2, 4]))

    assert (tally.stored, tally.store_down, tally.dead_letters) == (2, 0, 0)


async def test_a_full_file_of_dead_letters_makes_way(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    dead_letters = DeadLetters(path, most_bytes=1000)
    for number in range(30):
        await dead_letters.put([DeadLetter(kind="message", reason=f"reason {number}", at_ms=NOON)])

    kept = [*letters(tmp_path / "dead.jsonl.1"), *letters(path)]
    assert kept[-1].reason == "reason 29"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2000


async def test_a_disk_that_refuses_dead_letters_is_worth_another_attempt(tmp_path: Path) -> None:
    with pytest.raises(StoreDownError):
        await DeadLetters(tmp_path / "no" / "folder").put([DeadLetter(kind="message", reason="r", at_ms=0)])


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_was_sent_is_at_fault(status: int) -> None:
    assert isinstance(http_error("a database", status, "bad line"), StoreRefusedError)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503])
def test_the_store_or_its_settings_are_at_fault(status: int) -> None:
    assert isinstance(http_error("a database", status, "sorry"), StoreDownError)


def test_the_store_may_say_when_to_come_back() -> None:
    error = http_error("a database", 503, "sorry", "17")

    assert isinstance(error, StoreDownError)
    assert error.retry_after_s == 17.0
