"""Where a Modbus unit keeps a quantity and what its bytes mean, as profiles say it."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from district.fields import Finite, PositiveDuration, Spec
from district.findings import SpecError, Text
from district.point import PointSpec

Table = Literal["input", "holding", "coil", "discrete"]
RegisterType = Literal[
    "bool", "u8", "i8", "u16", "i16", "u32", "i32", "u48", "i48", "u64", "i64",
    "f16", "f32", "f64", "bcd16", "bcd32", "bcd64", "string",
]  # fmt: skip
ByteOrder = Literal[
    "ABCD", "CDAB", "BADC", "DCBA",
    "ABCDEFGH", "CDABGHEF", "BADCFEHG", "DCBAHGFE", "EFGHABCD", "GHEFCDAB", "FEHGBADC", "HGFEDCBA",
]  # fmt: skip
ScaleMeaning = Literal["decimals", "exponent", "factor"]

WORDS: dict[RegisterType, int] = {
    "bool": 1, "u8": 1, "i8": 1, "u16": 1, "i16": 1, "f16": 1, "bcd16": 1,
    "u32": 2, "i32": 2, "f32": 2, "bcd32": 2,
    "u48": 3, "i48": 3,
    "u64": 4, "i64": 4, "f64": 4, "bcd64": 4,
    "string": 1,  # a register holds two characters; `length` says how many registers
}  # fmt: skip
BIT_TABLES: frozenset[Table] = frozenset({"coil", "discrete"})
WORD_BITS = 16

_LAST_ADDRESS = 0xFFFF
_LONG_WORDS = 4
_MANUAL_DIGITS = 6
_MANUAL_TABLES: dict[str, Table] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
_UNSIGNED: frozenset[RegisterType] = frozenset({"u8", "u16", "u32", "u48", "u64"})
_NO_COUNT: frozenset[RegisterType] = frozenset({"bool", "string", "f16", "f32", "f64"})


def raw_range(type_: RegisterType) -> tuple[int, int] | None:
    """The lowest and highest whole number that a type holds; none for what is no whole number."""
    if type_ in _NO_COUNT:
        return None
    kind, bits = type_.rstrip("0123456789"), int(type_.lstrip("ubcdi"))
    if kind == "bcd":
        return 0, 10 ** (bits // 4) - 1
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind == "i" else (0, (1 << bits) - 1)


class PlaceSpec(Spec):
    """An address, as it goes over the wire or as manuals print it."""

    table: Table | None = Field(default=None, description="Which registers; may be left out with `manual`.")
    addr: int | None = Field(default=None, ge=0, le=_LAST_ADDRESS, description="Address on the wire, from 0.")
    manual: int | None = Field(
        default=None,
        ge=1,
        description="Address as manuals print it, from 1 with its table's digit: 30001, 400123.",
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.addr is None) == (self.manual is None):
            raise SpecError(
                Text("exactly one of addr and manual is needed", "addr 与 manual 必须且只能写一个"),
                Text(
                    "addr counts from 0, manual is the printed 3xxxx or 4xxxx",
                    "addr 从 0 数起，manual 是说明书上的 3xxxx 或 4xxxx",
                ),
                at="manual" if self.manual is not None else None,
            )
        if self.manual is not None:
            self._check_manual(str(self.manual).zfill(5))
        return self

    def _check_manual(self, digits: str) -> None:
        table = _MANUAL_TABLES.get(digits[0])
        if table is None or len(digits) > _MANUAL_DIGITS or not 1 <= int(digits[1:]) <= _LAST_ADDRESS + 1:
            raise SpecError(
                Text(
                    f"{self.manual} is no printed register address", f"{self.manual} 不是说明书上的寄存器地址"
                ),
                Text(
                    "write it as in 30001 or 40001, or use addr (from 0)",
                    "请写成 30001 或 40001，或改用 addr（从 0 数起）",
                ),
                at="manual",
            )
        if self.table not in {None, table}:
            raise SpecError(
                Text(
                    f"{self.manual} lies in table {table}, not {self.table}",
                    f"{self.manual} 属于 {table}，不是 {self.table}",
                ),
                Text("leave table out, or mend one of them", "请去掉 table，或改正其中之一"),
                at="table",
            )

    @property
    def said_table(self) -> Table | None:
        """The table, whichever way it was written; none if it was left to the context."""
        if self.table is not None or self.manual is None:
            return self.table
        return _MANUAL_TABLES[str(self.manual).zfill(5)[0]]

    @property
    def address(self) -> int:
        """The 0-based address on the wire, whichever way it was written."""
        return self.addr if self.addr is not None else int(str(self.manual).zfill(5)[1:]) - 1


class ScaleSpec(PlaceSpec):
    """A register of the same device that says how another is to be scaled."""

    type: Literal["u16", "i16", "u32", "i32", "f32"] = "u16"
    order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    says: ScaleMeaning | dict[int, Finite] = Field(
        description="decimals: divide by 10^n; exponent: multiply by 10^n; factor: multiply; "
        "or the factor of each code, as in {16: 1, 17: 0.01, 18: 0.001}."
    )


class RegisterPointSpec(PlaceSpec, PointSpec):
    """A quantity that a Modbus unit keeps in registers."""

    type: RegisterType
    order: ByteOrder = Field(default="ABCD", description="Order of bytes; ABCD is the standard's.")
    byte: Literal["high", "low"] | None = Field(default=None, description="Which half of a register.")
    bit: int | None = Field(default=None, ge=0, lt=WORD_BITS, description="One bit; 0 is the lowest.")
    bits: tuple[int, int] | None = Field(
        default=None, description="Lowest and highest bit of a field inside the value."
    )
    length: int | None = Field(default=None, ge=1, le=125, description="Registers that a string takes.")
    enum: dict[int, Annotated[str, Field(min_length=1)]] | None = Field(
        default=None, description="What each code means; a code that is not listed is not believed."
    )
    no_value: tuple[Finite, ...] = Field(
        default=(), description="Raw numbers by which the instrument says that it has no value."
    )
    rollover: int | None = Field(
        default=None, gt=0, description="Raw count at which a counter begins anew; by default its type's end."
    )
    scale_by: tuple[ScaleSpec, ...] = Field(
        default=(), description="Registers of the device that say how this one is scaled."
    )
    every: PositiveDuration | None = Field(
        default=None, description="How often it is asked; as its device if left out."
    )

    @model_validator(mode="after")
    def _has_a_table(self) -> Self:
        if self.said_table is None:
            raise SpecError(
                Text("addr needs a table", "写 addr 时必须写 table"),
                Text("add table: input or table: holding", "请补上 table: input 或 table: holding"),
                at="addr",
            )
        return self

    @model_validator(mode="after")
    def _type_fits_table(self) -> Self:
        wrong = (
            self.type != "bool"
            if self.resolved_table in BIT_TABLES
            else self.type == "bool" and not self._has_bit
        )
        if wrong:
            raise SpecError(
                Text(
                    f"{self.resolved_table} cannot hold {self.type}",
                    f"{self.resolved_table} 不能存放 {self.type}",
                ),
                Text(
                    "coil and discrete hold bool; a bool of other registers is one bit: add bit: 0",
                    "coil、discrete 存 bool；input、holding 中的 bool 是一位：请补上 bit: 0",
                ),
                at="type",
            )
        return self

    @property
    def _has_bit(self) -> bool:
        return self.bit is not None

    @model_validator(mode="after")
    def _parts_fit_type(self) -> Self:
        in_words = self.resolved_table not in BIT_TABLES
        top = self.words * WORD_BITS if self.type != "u8" else WORD_BITS // 2
        for key, fits, only in (
            ("bit", self.type == "bool" and in_words, "bool in input or holding"),
            ("byte", self.type in {"u8", "i8"}, "u8 and i8"),
            ("bits", self.type in _UNSIGNED, "unsigned types"),
            ("length", self.type == "string", "string"),
        ):
            if getattr(self, key) is not None and not fits:
                raise SpecError(
                    Text(
                        f"{key} has no meaning for {self.type} here", f"{key} 对此处的 {self.type} 没有意义"
                    ),
                    Text(f"leave it out; it belongs to {only}", f"请去掉；它只用于 {only}"),
                    at=key,
                )
        if self.type == "string" and self.length is None:
            raise SpecError(
                Text("a string needs its length", "string 必须写 length"),
                Text("add length: 8, counted in registers", "请补上 length: 8，以寄存器计"),
                at="type",
            )
        if self.bits is not None and not 0 <= self.bits[0] <= self.bits[1] < top:
            raise SpecError(
                Text(
                    f"{self.type} has no bits {self.bits[0]} to {self.bits[1]}",
                    f"{self.type} 没有第 {self.bits[0]} 到 {self.bits[1]} 位",
                ),
                Text(f"write [lowest, highest] of 0 to {top - 1}", f"请写 [最低位, 最高位]，0 到 {top - 1}"),
                at="bits",
            )
        return self

    @model_validator(mode="after")
    def _order_fits_type(self) -> Self:
        long = len(self.order) > len("ABCD")
        if self.words == 1 and self.type != "string" and (long or self.order in {"CDAB", "DCBA"}):
            raise SpecError(
                Text(
                    f"{self.type} is one register: {self.order} has no meaning",
                    f"{self.type} 只占一个寄存器，{self.order} 没有意义",
                ),
                Text("leave order out, or write BADC for swapped bytes", "请去掉 order；若字节颠倒请写 BADC"),
                at="order",
            )
        if long and (self.words != _LONG_WORDS or self.type == "string"):
            raise SpecError(
                Text(
                    f"{self.order} names eight bytes, {self.type} has {2 * self.words}",
                    f"{self.order} 是八个字节的顺序，而 {self.type} 有 {2 * self.words} 个字节",
                ),
                Text("write ABCD, CDAB, BADC or DCBA", "请写 ABCD、CDAB、BADC 或 DCBA"),
                at="order",
            )
        return self

    @model_validator(mode="after")
    def _lies_in_the_table(self) -> Self:
        if self.address + self.words - 1 > _LAST_ADDRESS:
            raise SpecError(
                Text(
                    f"a {self.type} at {self.address} ends past register 65535",
                    f"从 {self.address} 开始的 {self.type} 超出 65535",
                ),
                Text("check the address", "请核对地址"),
                at="addr" if self.manual is None else "manual",
            )
        return self

    @model_validator(mode="after")
    def _numbers_are_numbers(self) -> Self:
        whole = raw_range(self.type)
        for key in ("enum", "rollover"):
            if (
                getattr(self, key) is not None
                and whole is None
                and not (key == "enum" and self.type == "bool")
            ):
                raise SpecError(
                    Text(
                        f"{self.type} is no whole number: {key} has no meaning",
                        f"{self.type} 不是整数，{key} 没有意义",
                    ),
                    Text("leave it out", "请去掉"),
                    at=key,
                )
        if self.rollover is not None and self.kind != "counter":
            raise SpecError(
                Text("only a counter begins anew", "只有计数器才会翻转"),
                Text("add as: counter, or leave rollover out", "请补上 as: counter，或去掉 rollover"),
                at="rollover",
            )
        if self.type == "string" and (self.valid or self.deadband or self.no_value or self.scale_by):
            raise SpecError(
                Text("a string is no quantity", "string 不是数值"),
                Text(
                    "leave valid, deadband, no_value and scale_by out",
                    "请去掉 valid、deadband、no_value 和 scale_by",
                ),
                at="type",
            )
        for number in self.no_value:
            if whole is not None and not (
                number.is_integer() and min(whole[0], 0) <= number <= whole[1] * 2 + 1
            ):
                raise SpecError(
                    Text(f"{self.type} never says {number:g}", f"{self.type} 不可能是 {number:g}"),
                    Text(
                        "write the raw number, before scaling, as in 0x7FFF",
                        "请写换算前的原始值，例如 0x7FFF",
                    ),
                    at="no_value",
                )
        return self

    @property
    def resolved_table(self) -> Table:
        """The table, whichever way it was written."""
        return self.said_table or "holding"  # never left out: refused at birth

    @property
    def words(self) -> int:
        """How many registers (or bits of a bit table) the value takes."""
        return self.length or WORDS[self.type]

    @property
    def is_part(self) -> bool:
        """Whether it is only a part of its registers, so that other points may lie in the same."""
        return self.bit is not None or self.bits is not None or self.type in {"u8", "i8"}

    @property
    def raw_rollover(self) -> int | None:
        """The raw count at which it begins anew, if it is a counter of whole numbers."""
        whole = raw_range(self.type)
        if self.kind != "counter" or whole is None:
            return None
        return self.rollover or whole[1] + 1

    def asked_every(self, device: timedelta) -> timedelta:
        """How often it is asked at a device that is asked every so often."""
        return self.every or device
