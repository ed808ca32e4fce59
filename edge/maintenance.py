"""Maintenance: while somebody works on an instrument, what it shows is marked and nobody is alarmed by it.

The book lies beside the spool: a technician writes in it on the gateway itself, with no network at all, and
the agent that runs there reads it. A spell ends by itself; one that is forgotten blinds nobody for good.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import structlog

from edge.errors import EdgeSpecError

log = structlog.get_logger(__name__)

BOOK = "maintenance.json"


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """One device that is worked on: from when to when, by whom, and why."""

    device: str
    since_ms: int  # event time
    until_ms: int
    by: str
    reason: str = ""

    def holds(self, now_ms: int) -> bool:
        """Whether it is going on."""
        return self.since_ms <= now_ms < self.until_ms


_decoder = msgspec.json.Decoder(list[Spell])


def read_book(path: Path) -> list[Spell]:
    """The spells in a book; none where there is no book.

    Raises:
        EdgeSpecError: The file is no book.
    """
    try:
        return _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as exc:
        raise EdgeSpecError(f"{path}: {exc}; delete it and enter again what is under maintenance") from exc


def write_book(path: Path, spells: Iterable[Spell]) -> None:
    """Replace the book, at once and durably.

    Raises:
        OSError: The disk refuses; the book is as it was.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(list(spells))))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def enter(spells: Iterable[Spell], spell: Spell) -> list[Spell]:
    """The spells with a new one, which takes the place of the device's old; what is over is left out."""
    others = (each for each in spells if each.device != spell.device and each.until_ms > spell.since_ms)
    return [*others, spell]


class Maintenance:
    """What is under maintenance, as the agent knows it.

    Args:
        path: The book.
        now_ms: Event time.
    """

    def __init__(self, path: Path, *, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._now_ms = now_ms
        self._spells: dict[str, Spell] = {}
        self._stamp: tuple[int, int] | None = None
        self._holding: frozenset[str] = frozenset()

    def covers(self, device: str) -> bool:
        """Whether a device is being worked on now."""
        spell = self._spells.get(device)
        return spell is not None and spell.holds(self._now_ms())

    def look(self) -> None:
        """Read the book if it has changed, and say what begins and what ends; to be called at an interval."""
        stamp = self._stamp_of_file()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._spells = {spell.device: spell for spell in read_book(self._path)}
            except EdgeSpecError as exc:
                log.error("maintenance-unread", reason=str(exc))  # noqa: TRY400  (the reason says it all)
        holding = frozenset(device for device in self._spells if self.covers(device))
        for device in holding - self._holding:
            spell = self._spells[device]
            log.warning("maintenance-begins", device=device, by=spell.by, reason=spell.reason)
        for device in self._holding - holding:
            log.info("maintenance-ends", device=device)
        self._holding = holding

    @property
    def holding(self) -> frozenset[str]:
        """The devices under maintenance when last looked."""
        return self._holding

    def _stamp_of_file(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
