"""The register tables of one Modbus unit: values to words."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_sim.curves import Signal
from firmware_sim.errors import ModbusRefusalError
from firmware_sim.formulas import World
from firmware_sim.modbus import ILLEGAL_ADDRESS
from firmware_sim.scenario import ByteOrder, RegisterSpec, RegisterType, Table, UnitSpec

_FORMATS: dict[RegisterType, str] = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f"}
_LIMITS: dict[RegisterType, tuple[int, int]] = {
    "bool": (0, 1),
    "u16": (0, 2**16 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u32": (0, 2**32 - 1),
    "i32": (-(2**31), 2**31 - 1),
}
# Where each byte of the big-endian value (A B C D) comes from on the wire.
_ORDERS: dict[ByteOrder, tuple[int, int, int, int]] = {
    "ABCD": (0, 1, 2, 3),
    "CDAB": (2, 3, 0, 1),
    "BADC": (1, 0, 3, 2),
    "DCBA": (3, 2, 1, 0),
}


def encode(spec: RegisterSpec, value: float) -> tuple[int, ...]:
    """Return the words of ``value``.

    Whole-number registers round half to even and stay at the end of their range beyond it, as an
    instrument at full scale does.
    """
    raw = value / spec.scale
    if spec.type == "bool":
        return (int(raw >= 0.5),)  # noqa: PLR2004 - rounding to a bit
    if spec.type == "f32":
        data = struct.pack(">f", raw)
    else:
        low, high = _LIMITS[spec.type]
        whole = max(low, min(high, round(raw)))
        data = struct.pack(_FORMATS[spec.type], whole)
    if spec.words > 1:
        data = bytes(data[index] for index in _ORDERS[spec.order])
    return struct.unpack(f">{spec.words}H", data)


def decode(spec: RegisterSpec, words: Sequence[int]) -> float:
    """Return the value that the words of a register say; the inverse of :func:`encode`."""
    if spec.type == "bool":
        return float(words[0])
    wire = struct.pack(f">{len(words)}H", *words)
    if spec.words > 1:
        wire = bytes(wire[index] for index in _ORDERS[spec.order])  # every order undoes itself
    (raw,) = struct.unpack(_FORMATS[spec.type], wire)
    return float(raw) * spec.scale


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
        for start in range(addr - 1, addr + count):
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
            for start in (addr + index - 1, addr + index):
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
