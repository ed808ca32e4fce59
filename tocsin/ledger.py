"""``tocsin ledger``: whether it is whole, and what it says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from alerting.database import FILE_NAME
from alerting.ledger import Entry, read_head, read_sealed, seal_at, verify
from alerting.privacy import mask_numbers
from district.findings import Text
from tocsin.errors import TocsinError
from tocsin.wiring import Surroundings


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a look at every seal."""

    whole: bool
    seq: int  # of the newest entry, or of the first that does not hold
    head: str  # the newest seal: lodged elsewhere, it shows later that nothing was rewritten
    reason: str = ""

    @property
    def words(self) -> Text:
        """The proof in words."""
        if self.whole:
            return Text(
                f"the ledger is whole: {self.seq} entries, head {self.seq}:{self.head}",
                f"台账完整：共 {self.seq} 条，链首 {self.seq}:{self.head}",
            )
        return Text(
            f"the ledger is not what was written, from entry {self.seq} on: {self.reason}",
            f"台账自第 {self.seq} 条起与原始记录不符：{self.reason}",
        )


def ledger_file(at: Surroundings) -> Path:
    """The ledger of a district.

    Raises:
        TocsinError: Nothing has been recorded there yet.
    """
    path = at.state / "alerting" / FILE_NAME
    if not path.is_file():
        raise TocsinError(
            f"{path}: no ledger here; give --state, the folder that alerting keeps its state in"
        )
    return path


def prove(path: Path, lodged: str | None) -> Proof:
    """Recompute every seal; compare with a head that was lodged elsewhere, as ``SEQ:HASH``.

    Raises:
        TocsinError: The lodged head is of another form.
    """
    broken = verify(path)
    if broken is not None:
        return Proof(whole=False, seq=broken.seq, head="", reason=broken.reason)
    head = read_head(path)
    if lodged is not None:
        seq, seal = _read_head_words(lodged)
        if (seal_at(path, seq) or b"").hex() != seal:
            return Proof(
                whole=False,
                seq=seq,
                head=head.hash.hex(),
                reason="the lodged head was another; it was rewritten",
            )
    return Proof(whole=True, seq=head.seq, head=head.hash.hex())


def export_lines(path: Path, keep: Callable[[Entry], bool], *, masked: bool) -> Iterator[str]:
    """Entries as JSON, one a line; with ``masked`` of every telephone number only the ends."""
    for entry in read_sealed(path):
        if keep(entry):
            content = entry._asdict() | {"hash": entry.hash.hex()}
            content |= {"body": mask_numbers(entry.body)} if masked else {}
            yield msgspec.json.encode(content).decode()


def _read_head_words(text: str) -> tuple[int, str]:
    number, _, seal = text.partition(":")
    if not number.isdecimal() or not seal:
        raise TocsinError(f"--head {text!r}: expected SEQ:HASH, as `tocsin ledger verify` prints it")
    return int(number), seal.lower()
