"""The ledger's commands: one changed byte in the file is found; numbers are masked; a rewrite is found."""

import json
import shutil
from pathlib import Path

import pytest

from alerting.channels.channel import ReceiptState
from alerting.delivery import finish
from alerting.ledger import verify
from alerting.privacy import mask_numbers
from rules.transition import Level
from tests.alerting.offices import open_office
from tests.alerting.samples import transition
from tests.tocsin.test_cli import tocsin


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a ledger of one warning, checkpointed into its file."""
    folder = tmp_path / "state" / "alerting"
    folder.mkdir(parents=True)
    with open_office(folder) as office:
        office.hears(transition(Level.RED))
        with office.connection:
            for delivery in office.waiting:
                reason = "no channel is left; call +8657112345678"
                finish(office.connection, delivery, ReceiptState.UNREACHABLE, reason, now_ms=office.now_ms)
        office.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return tmp_path / "state"


def test_every_byte_of_an_entrys_content_counts(state: Path, tmp_path: Path) -> None:
    file = state / "alerting" / "alerting.sqlite"
    whole = file.read_bytes()
    start = whole.index(b'{"person":"', whole.index(b"receipt"))
    changed = tmp_path / "changed.sqlite"
    assert verify(file) is None

    for place in range(start, start + 60):
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert verify(changed) is not None, place


def test_the_command_finds_one_changed_byte(state: Path) -> None:
    file = state / "alerting" / "alerting.sqlite"
    before = tocsin("ledger", "verify", "--state", str(state), "--lang", "en")
    file.write_bytes(file.read_bytes().replace(b"no channel is left", b"no channel is lent", 1))
    after = tocsin("ledger", "verify", "--state", str(state), "--json")

    assert before.returncode == 0
    assert before.stdout.startswith("the ledger is whole")
    assert after.returncode == 1
    assert not json.loads(after.stdout)["whole"]


def test_a_ledger_that_was_rewritten_as_a_whole_is_found_by_its_lodged_head(
    state: Path, tmp_path: Path
) -> None:
    proof = json.loads(tocsin("ledger", "verify", "--state", str(state), "--json").stdout)
    lodged = f"{proof['seq']}:{proof['head']}"
    shutil.rmtree(state)
    (state / "alerting").mkdir(parents=True)
    with open_office(state / "alerting") as office:
        office.hears(transition(Level.BLUE))

    assert tocsin("ledger", "verify", "--state", str(state)).returncode == 0
    assert tocsin("ledger", "verify", "--state", str(state), "--head", lodged).returncode == 1
    assert tocsin("ledger", "verify", "--state", str(state), "--head", "7").returncode == 2
    assert tocsin("ledger", "verify", "--state", str(tmp_path / "nowhere")).returncode == 2


def test_an_export_is_complete_and_shows_numbers_only_when_asked(state: Path) -> None:
    masked = tocsin("ledger", "export", "--state", str(state)).stdout
    open_ = tocsin("ledger", "export", "--state", str(state), "--numbers").stdout
    receipts = tocsin("ledger", "export", "--state", str(state), "--kind", "receipt").stdout

    rows = [json.loads(line) for line in masked.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["kind"] for row in rows} == {"transition", "warning", "receipt", "case"}
    assert "+8657112345678" not in masked
    assert "+86****5678" in masked
    assert "+8657112345678" in open_
    assert {json.loads(line)["kind"] for line in receipts.splitlines()} == {"receipt"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call 13800138000 now", "call 138****8000 now"),
        ("+8657112345678", "+86****5678"),
        ("33019911000100_20180603122640_12", "33019911000100_20180603122640_12"),
        ("30.250000,120.113800138000", "30.250000,120.113800138000"),
        ("2018-06-03T12:26:40+08:00", "2018-06-03T12:26:40+08:00"),
    ],
)
def test_numbers_that_can_be_called_are_masked_and_no_others(text: str, shown: str) -> None:
    assert mask_numbers({"a": [text, 13800138000]}) == {"a": [shown, 13800138000]}
