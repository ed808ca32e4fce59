"""The register tables of one Modbus unit: values to words."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_sim.curves import Signal
from firmware_sim.errors import ModbusRefusalError
from firmware_sim.formulas import World
from firmware_sim.modbus import ILLEGAL_ADDRESS
from firmware_sim.scenario import LONGEST_WORDS, ByteOrder, RegisterSpec, RegisterType, Table, UnitSpec

_FLOATS: dict[RegisterType, str] = {"f16": ">e", "f32": ">f", "f64": ">d"}
_DIGITS: dict[RegisterType, int] = {"bcd16": 4, "bcd32": 8}
_LIMITS: dict[RegisterType, tuple[int, int]] = {
    "bool": (0, 1),
    "u16": (0, 2**16 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u32": (0, 2**32 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "u64": (0, 2**64 - 1),
    "i64": (-(2**63), 2**63 - 1),
    "bcd16": (0, 9_999),
    "bcd32": (0, 99_999_999),
}


def encode(spec: RegisterSpec, value: float) -> tuple[int, ...]:
    """Return the words of ``value``.

    Whole-number registers round half to even and stay at the end of their range beyond it, as an
    instrument at full scale does.
    """
    raw = value / spec.scale
    if spec.type == "bool":
        return (int(raw >= 0.5),)  # noqa: PLR2004 - rounding to a bit
    if spec.type in _FLOATS:
        data = struct.pack(_FLOATS[spec.type], raw)
    else:
        low, high = _LIMITS[spec.type]
        whole = max(low, min(high, round(raw)))
        if spec.type in _DIGITS:
            data = bytes.fromhex(f"{whole:0{_DIGITS[spec.type]}d}")
        else:
            data = whole.to_bytes(2 * spec.words, "big", signed=low < 0)
    return struct.unpack(f">{spec.words}H", _reordered(data, spec.order))


def decode(spec: RegisterSpec, words: Sequence[int]) -> float:
    """Return the value that the words of a register say; the inverse of :func:`encode`."""
    if spec.type == "bool":
        return float(words[0])
    wire = struct.pack(f">{len(words)}H", *words)
    data = _reordered(wire, spec.order)  # every order undoes itself
    if spec.type in _FLOATS:
        (raw,) = struct.unpack(_FLOATS[spec.type], data)
    elif spec.type in _DIGITS:
        raw = int(data.hex())
    else:
        raw = int.from_bytes(data, "big", signed=_LIMITS[spec.type][0] < 0)
    return float(raw) * spec.scale


def _reordered(data: bytes, order: ByteOrder) -> bytes:
    """The bytes of one value in another order, seen from the standard's: A is the first of a register."""
    if len(data) == 2:  # noqa: PLR2004 - one register, as it stands
        return data
    if order in {"CDAB", "DCBA"}:
        data = b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))
    if order in {"BADC", "DCBA"}:
        data = b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive words of a table at one instant."""

    words: tuple[int, ...]
    values: Mapping[str, float]  # of the registers wholly inside
    carries_counter: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    spec: RegisterSpec
    signal: Signal | None  # none: the counter of answers


class RegisterMap:
    """The tables of one unit; what a master writes stays until the simulator ends."""

    def __init__(self, spec: UnitSpec, world: World) -> None:
        """Build every register's formula."""
        self._cells: dict[tuple[Table, int], _Cell] = {}
        self._written: dict[tuple[Table, int], int] = {}
        self._fill_gaps = spec.gaps == "zero"
        for register in spec.registers:
            key = f"{spec.name}/{register.key}"
            signal = None if isinstance(register.value, str) else world.signal(register.value, key)
            self._cells[register.table, register.addr] = _Cell(register, signal)
        self._covered = {
            (cell.spec.table, cell.spec.addr + offset)
            for cell in self._cells.values()
            for offset in range(cell.spec.words)
        }
        self._spans = {
            table: (min(addresses), max(addresses))
            for table in {table for table, _ in self._covered}
            if (addresses := [addr for name, addr in self._covered if name == table])
        }

    def read(self, table: Table, addr: int, count: int, *, event_s: float, counter: int) -> Block:
        """Return ``count`` words from ``addr`` at the event time; ``counter`` is the number to serve.

        Raises:
            ModbusRefusalError: An address is not there.
        """
        self._check(table, addr, count)
        words = [0] * count
        values: dict[str, float] = {}
        carries_counter = False
        for start in range(addr - LONGEST_WORDS + 1, addr + count):
            cell = self._cells.get((table, start))
            if cell is None:
                continue
            value = counter if cell.signal is None else cell.signal.at(event_s)
            encoded = [
                self._written.get((table, start + index), word)
                for index, word in enumerate(encode(cell.spec, value))
            ]
            for index, word in enumerate(encoded):
                if 0 <= start + index - addr < count:
                    words[start + index - addr] = word
            if start >= addr and start + cell.spec.words <= addr + count:
                carries_counter = carries_counter or cell.signal is None
                values[cell.spec.key] = decode(cell.spec, encoded)
        return Block(words=tuple(words), values=values, carries_counter=carries_counter)

    def write(self, table: Table, addr: int, words: Sequence[int]) -> None:
        """Keep what a master writes over the formula.

        Raises:
            ModbusRefusalError: An address is not there, or holds the counter of answers.
        """
        for index in range(len(words)):
            if (table, addr + index) not in self._covered:
                raise ModbusRefusalError(ILLEGAL_ADDRESS)
            for start in range(addr + index - LONGEST_WORDS + 1, addr + index + 1):
                cell = self._cells.get((table, start))
                if cell and cell.signal is None and start + cell.spec.words > addr + index:
                    raise ModbusRefusalError(ILLEGAL_ADDRESS)
        self._written.update({(table, addr + index): word for index, word in enumerate(words)})

    def _check(self, table: Table, addr: int, count: int) -> None:
        if self._fill_gaps and table in self._spans:
            low, high = self._spans[table]
            inside = low <= addr and addr + count - 1 <= high
        else:
            inside = all((table, addr + index) in self._covered for index in range(count))
        if not inside:
            raise ModbusRefusalError(ILLEGAL_ADDRESS)
