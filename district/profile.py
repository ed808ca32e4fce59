"""Profiles: what a model of instrument measures and how it says it, reusable for each device of the model."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from district.fields import Finite, Names, PositiveDuration, Slug, Spec
from district.findings import SpecError, Text

Table = Literal["input", "holding", "coil", "discrete"]
RegisterType = Literal["bool", "u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64"]
ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
DataFlag = Literal["N", "F", "M", "S", "D", "C", "T", "B"]

WORDS: dict[RegisterType, int] = {
    "bool": 1,
    "u16": 1,
    "i16": 1,
    "u32": 2,
    "i32": 2,
    "f32": 2,
    "u64": 4,
    "i64": 4,
    "f64": 4,
}
BIT_TABLES: frozenset[Table] = frozenset({"coil", "discrete"})

_LAST_ADDRESS = 0xFFFF
_MANUAL_TABLES: dict[str, Table] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
_CODE = re.compile(r"[A-Za-z0-9]{1,12}")


class PointSpec(Spec):
    """What is common to every measured quantity."""

    unit: str = Field(
        min_length=1, max_length=16, description="Unit of the value after scaling, such as m or kPa."
    )
    scale: Finite = Field(default=1.0, description="Value = raw x scale + offset.")
    offset: Finite = Field(default=0.0, description="Value = raw x scale + offset.")
    valid: tuple[Finite, Finite] | None = Field(
        default=None, description="What the instrument can mean, before any datum; outside is over range."
    )
    max_step: Finite | None = Field(default=None, gt=0, description="Fastest believable change, a minute.")
    deadband: Finite | None = Field(
        default=None, ge=0, description="Changes smaller than this are not sent; needs a heartbeat."
    )
    heartbeat: PositiveDuration | None = Field(
        default=None, description="Sent at least this often all the same."
    )
    kind: Literal["value", "counter"] = Field(
        default="value", alias="as", description="A counter only rises: what counts is its increase."
    )

    @field_validator("scale")
    @classmethod
    def _scale_tells_values_apart(cls, scale: float) -> float:
        if scale == 0:
            raise SpecError(
                Text("a scale of 0 makes every reading 0", "scale 为 0 会使所有读数都变成 0"),
                Text("write the factor from raw to unit, as in 0.1", "请写原始值到单位的系数，例如 0.1"),
            )
        return scale

    @field_validator("valid")
    @classmethod
    def _valid_has_an_inside(cls, valid: tuple[float, float] | None) -> tuple[float, float] | None:
        if valid is not None and valid[0] >= valid[1]:
            raise SpecError(
                Text(
                    f"nothing lies between {valid[0]:g} and {valid[1]:g}",
                    f"{valid[0]:g} 与 {valid[1]:g} 之间没有值",
                ),
                Text("write [lowest, highest]", "请写 [最小值, 最大值]"),
                code="inverted-range",
            )
        return valid

    @model_validator(mode="after")
    def _deadband_has_a_heartbeat(self) -> Self:
        if self.deadband and self.heartbeat is None:
            raise SpecError(
                Text("a deadband without a heartbeat looks like silence", "只有死区没有心跳，会被当作失联"),
                Text("add heartbeat: 10m", "请补上 heartbeat: 10m"),
                at="deadband",
            )
        return self


class RegisterPointSpec(PointSpec):
    """A quantity that a Modbus unit keeps in registers."""

    table: Table | None = Field(default=None, description="Which registers; may be left out with `manual`.")
    addr: int | None = Field(default=None, ge=0, le=_LAST_ADDRESS, description="Address on the wire, from 0.")
    manual: int | None = Field(
        default=None,
        ge=1,
        description="Address as manuals print it, from 1 with its table's digit: 30001, 400123.",
    )
    type: RegisterType
    order: ByteOrder = Field(default="ABCD", description="Order of bytes; ABCD is the standard's.")

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
        elif self.table is None:
            raise SpecError(
                Text("addr needs a table", "写 addr 时必须写 table"),
                Text("add table: input or table: holding", "请补上 table: input 或 table: holding"),
                at="addr",
            )
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

    def _check_manual(self, digits: str) -> None:
        table = _MANUAL_TABLES.get(digits[0])
        if table is None or len(digits) > 6 or not 1 <= int(digits[1:]) <= _LAST_ADDRESS + 1:  # noqa: PLR2004
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

    @model_validator(mode="after")
    def _type_fits_table(self) -> Self:
        if (self.resolved_table in BIT_TABLES) != (self.type == "bool"):
            raise SpecError(
                Text(
                    f"{self.resolved_table} cannot hold {self.type}",
                    f"{self.resolved_table} 不能存放 {self.type}",
                ),
                Text(
                    "coil and discrete hold bool, input and holding hold numbers",
                    "coil、discrete 存 bool，input、holding 存数值",
                ),
                at="type",
            )
        if self.words == 1 and self.order in {"CDAB", "DCBA"}:
            raise SpecError(
                Text(
                    f"{self.type} is one register: {self.order} has no meaning",
                    f"{self.type} 只占一个寄存器，{self.order} 没有意义",
                ),
                Text("leave order out, or write BADC for swapped bytes", "请去掉 order；若字节颠倒请写 BADC"),
                at="order",
            )
        return self

    @property
    def resolved_table(self) -> Table:
        """The table, whichever way it was written."""
        if self.table is not None:
            return self.table
        return _MANUAL_TABLES[str(self.manual).zfill(5)[0]]

    @property
    def address(self) -> int:
        """The 0-based address on the wire, whichever way it was written."""
        return self.addr if self.addr is not None else int(str(self.manual).zfill(5)[1:]) - 1

    @property
    def words(self) -> int:
        """How many registers (or bits of a bit table) the value takes."""
        return WORDS[self.type]


class CodePointSpec(PointSpec):
    """A quantity that an HJ 212 station reports under a factor code."""

    point: Slug = Field(description="What we call it.")


def _code(value: Any) -> Any:
    if not (isinstance(value, str) and _CODE.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no factor code", f"{value!r} 不是因子编码"),
            Text(
                'write it as the station sends it, as in a34004; digits alone need quotes: "011"',
                '请按站点发送的写法，例如 a34004；纯数字要加引号："011"',
            ),
        )
    return value


Code = Annotated[
    str, BeforeValidator(_code), WithJsonSchema({"type": "string", "pattern": f"^{_CODE.pattern}$"})
]


class ModbusProfileSpec(Spec):
    """A model of Modbus instrument."""

    vendor: Names | None = None
    points: dict[Slug, RegisterPointSpec] = Field(min_length=1)


class Hj212ProfileSpec(Spec):
    """A model of HJ 212 station."""

    vendor: Names | None = None
    codes: dict[Code, CodePointSpec] = Field(min_length=1)
    accept_flags: tuple[DataFlag, ...] = Field(
        default=("N",),
        min_length=1,
        description="Data flags whose values are good; only N may raise a warning.",
    )


def _profile_kind(value: Any) -> str:
    station = "codes" in value if isinstance(value, dict) else isinstance(value, Hj212ProfileSpec)
    return "Hj212ProfileSpec" if station else "ModbusProfileSpec"


ProfileSpec = Annotated[
    Annotated[ModbusProfileSpec, Tag("ModbusProfileSpec")]
    | Annotated[Hj212ProfileSpec, Tag("Hj212ProfileSpec")],
    Discriminator(_profile_kind),
]
