"""Salvage: the rows that a broken SQLite file still holds, found page by page.

A file cut short or torn by a power cut loses its tree before its leaves: what SQLite can no longer reach is
often still there. The format is the one published as "Database File Format" (sqlite.org/fileformat2.html):
leaf pages of tables begin with 0x0D, rows that do not fit go on over a chain of overflow pages, and the
write-ahead log repeats whole pages, each under a running checksum.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from struct import iter_unpack, unpack_from

_HEADER = 100  # bytes of the file's own header, before the content of page 1
_PAGE_SIZE = 4096  # where the header is torn too
_LEAF = 0x0D
_CELLS_BEGIN = 8
_WAL_HEADER = 32
_FRAME_HEADER = 24
_WAL_LITTLE_ENDIAN, _WAL_BIG_ENDIAN = 0x377F0682, 0x377F0683
_WORD = 0xFFFFFFFF
_INTEGER_BYTES: Mapping[int, int] = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_ZERO, _ONE = 8, 9  # serial types of the integers 0 and 1, which take no bytes
_FIRST_BLOB, _FIRST_TEXT = 12, 13

Value = int | str | bytes | None
Row = tuple[Value, ...]


def rows_in(path: Path) -> Iterator[tuple[int, Row]]:
    """Every whole row of every table, with its number: rows already deleted may come again.

    Columns that hold floating-point numbers are not read; a row with one is passed over.

    Args:
        path: The database; its write-ahead log is looked for beside it.

    Raises:
        OSError: The file cannot be read.
    """
    pages = _Pages(path.read_bytes(), _read(path.with_name(path.name + "-wal")))
    for number, page in pages.all():
        yield from _rows_of(page, _HEADER if number == 1 else 0, pages)


class _Pages:
    """The pages of one database: those of its log, then its own."""

    def __init__(self, database: bytes, log: bytes) -> None:
        told, reserved = unpack_from(">H", database, 16)[0] if len(database) >= _HEADER else 0, 0
        size = 65536 if told == 1 else told
        if size >= 512 and size & (size - 1) == 0:  # noqa: PLR2004  (the least size of the format)
            reserved = database[20]
        else:
            size = _PAGE_SIZE
        self.size = size
        self.usable = size - reserved
        self._database = database
        self._logged = dict(_logged_pages(log))

    def __getitem__(self, number: int) -> bytes:
        """The newest copy of a page; short or empty where the file ends."""
        return self._logged.get(number) or self._database[(number - 1) * self.size : number * self.size]

    def all(self) -> Iterator[tuple[int, bytes]]:
        """Every page in either, by number."""
        own = range(1, -(-len(self._database) // self.size) + 1)
        for number in sorted({*own, *self._logged}):
            yield number, self[number]


def _logged_pages(log: bytes) -> Iterator[tuple[int, bytes]]:
    """The pages of a write-ahead log, as far as its checksum runs."""
    if len(log) < _WAL_HEADER:
        return
    magic, _, size, _, salt = unpack_from(">IIII8s", log)
    if magic not in {_WAL_LITTLE_ENDIAN, _WAL_BIG_ENDIAN} or not size:
        return
    order = ">" if magic == _WAL_BIG_ENDIAN else "<"
    running = _checksum(log[:24], (0, 0), order)
    if running != unpack_from(">II", log, 24):
        return
    for start in range(_WAL_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        number, _, frame_salt, *told = unpack_from(">II8sII", log, start)
        page = log[start + _FRAME_HEADER : start + _FRAME_HEADER + size]
        running = _checksum(log[start : start + 8] + page, running, order)
        if frame_salt != salt or running != tuple(told):
            return
        yield number, page


def _checksum(data: bytes, running: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = running
    for one, two in iter_unpack(f"{order}II", data):
        first = (first + one + second) & _WORD
        second = (second + two + first) & _WORD
    return first, second


def _rows_of(page: bytes, begin: int, pages: _Pages) -> Iterator[tuple[int, Row]]:
    """The rows of one page, if it is a leaf; a cell that makes no sense is passed over."""
    if len(page) < begin + _CELLS_BEGIN or page[begin] != _LEAF:
        return
    (count,) = unpack_from(">H", page, begin + 3)
    for place in range(min(count, len(page) // 2)):
        try:
            (cell,) = unpack_from(">H", page, begin + _CELLS_BEGIN + 2 * place)
            yield _row(page, cell, pages)
        except (struct.error, ValueError, IndexError):
            continue


def _row(page: bytes, at: int, pages: _Pages) -> tuple[int, Row]:
    """The row that a cell holds, with its number.

    Raises:
        ValueError: It is cut short, or holds what no row holds.
        IndexError: The same.
        struct.error: The same.
    """
    size, at = _varint(page, at)
    number, at = _varint(page, at)
    payload = _payload(page, at, size, pages)
    head, place = _varint(payload, 0)
    at = head
    row: list[Value] = []
    while place < head:
        kind, place = _varint(payload, place)
        value, at = _value(payload, at, kind)
        row.append(value)
    if at != size:
        raise ValueError("columns and row differ in length")
    return number, tuple(row)


def _payload(page: bytes, at: int, size: int, pages: _Pages) -> bytes:
    """What a cell holds, its overflow pages included."""
    usable = pages.usable
    most, least = usable - 35, (usable - 12) * 32 // 255 - 23
    local = size
    if size > most:
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
    data = bytearray(page[at : at + local])
    following = unpack_from(">I", page, at + local)[0] if local < size else 0
    while len(data) < size and following:
        page = pages[following]
        (following,) = unpack_from(">I", page)
        part = page[4 : min(usable, 4 + size - len(data))]
        if not part:
            break
        data += part
    if len(data) != size:
        raise ValueError("a row is cut short")
    return bytes(data)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in {_ZERO, _ONE}:
        return kind - _ZERO, at
    if kind in _INTEGER_BYTES:
        end = at + _INTEGER_BYTES[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind < _FIRST_BLOB:
        raise ValueError(f"a column of kind {kind}")
    end = at + (kind - _FIRST_BLOB) // 2
    data = payload[at:end]
    return (data.decode() if kind % 2 else data), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, seven bits each, the ninth eight."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:  # noqa: PLR2004  (the bit that says: more follows)
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
