"""The scenario file: series, lines and the instruments on them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from firmware_sim.sources import Duration, SeriesSpec, Source, Spec, UtcOffset
from firmware_sim.units import Endpoint, LineSetting, parse_endpoint, parse_line

Line = Annotated[LineSetting, BeforeValidator(parse_line)]
HostPort = Annotated[Endpoint, BeforeValidator(parse_endpoint)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]

Table = Literal["coil", "discrete", "input", "holding"]
ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
RegisterType = Literal[
    "bool", "u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64", "bcd16", "bcd32"
]

WORDS: dict[RegisterType, int] = {
    **dict.fromkeys(("bool", "u16", "i16", "f16", "bcd16"), 1),
    **dict.fromkeys(("u32", "i32", "f32", "bcd32"), 2),
    **dict.fromkeys(("u64", "i64", "f64"), 4),
}
LONGEST_WORDS = 4


class RegisterSpec(Spec):
    """One value of a Modbus unit; ``register = value / scale``, rounded for whole numbers."""

    table: Table
    addr: int = Field(ge=0, le=65535)
    type: RegisterType
    order: ByteOrder = "ABCD"
    scale: float = Field(default=1.0, gt=0)
    value: Source

    @property
    def words(self) -> int:
        """How many addresses it occupies."""
        return WORDS[self.type]

    @property
    def key(self) -> str:
        """Its name in the record: ``input/0``."""
        return f"{self.table}/{self.addr}"


class UnitSpec(Spec):
    """A Modbus slave.

    ``gaps: zero`` answers 0 for addresses between the lowest and the highest defined one of
    a table; ``refuse`` answers a block that touches one with exception 2.
    """

    unit: int = Field(ge=1, le=247)
    name: Name
    turnaround: Duration = 0.005
    gaps: Literal["refuse", "zero"] = "refuse"
    registers: list[RegisterSpec] = Field(min_length=1)


class FactorSpec(Spec):
    """One factor of an HJ 212 station and the decimals it is sent with."""

    value: Source
    decimals: int = Field(default=1, ge=0, le=6)


class StationSpec(Spec):
    """An HJ 212-2017 station that sends real-time data (CN=2011) every ``every`` of event time.

    ``answers`` names the factor that carries its counter. Times on the wire lie
    ``utc_offset`` east of UTC.
    """

    name: Name
    mn: str = Field(pattern=r"^[A-Za-z0-9_]{1,24}$")
    st: int = Field(ge=10, le=99)
    password: str = Field(pattern=r"^[A-Za-z0-9]{1,9}$")
    every: Duration = Field(ge=1)
    utc_offset: UtcOffset = 8 * 3600.0
    factors: dict[str, FactorSpec] = Field(min_length=1)
    answers: str | None = None


class ModbusRtuSpec(Spec):
    """Several slaves on one line: a pseudo-terminal or, with ``listen``, behind a transparent converter.

    A ``strict`` line hears only a master whose port has its baud rate and stop bits. A pseudo-terminal knows
    no parity.
    """

    kind: Literal["modbus-rtu", "modbus-ascii"]
    line: Line
    listen: HostPort | None = None
    strict: bool = False
    units: list[UnitSpec] = Field(min_length=1)


class ModbusTcpSpec(Spec):
    """A Modbus TCP server; port 0 takes a free one."""

    kind: Literal["modbus-tcp"]
    listen: HostPort
    units: list[UnitSpec] = Field(min_length=1)


class Hj212SerialSpec(Spec):
    """Stations on one pseudo-terminal."""

    kind: Literal["hj212-serial"]
    line: Line
    stations: list[StationSpec] = Field(min_length=1)


class Hj212TcpSpec(Spec):
    """Stations that each dial the collector's address."""

    kind: Literal["hj212-tcp"]
    connect: HostPort
    stations: list[StationSpec] = Field(min_length=1)


class SpeakerSpec(Spec):
    """A station or instrument with a protocol of its own.

    With ``every`` it speaks by itself at whole multiples of that event time, without it when it is asked.
    ``values`` are named as their protocol names them; ``answers`` names the one that carries its counter.
    ``ask`` and ``says`` are for ``lines``: what it understands, and its line with each code in braces.
    """

    name: Name
    address: str = Field(default="0", pattern=r"^[0-9A-Za-z]{1,10}$")
    every: Duration | None = Field(default=None, ge=0.1)
    turnaround: Duration = 0.01
    utc_offset: UtcOffset = 8 * 3600.0
    values: dict[str, FactorSpec] = Field(min_length=1)
    answers: str | None = None
    ask: str | None = None
    says: str | None = None


class SpeakerLineSpec(Spec):
    """Stations or instruments with one protocol of their own on one pseudo-terminal."""

    kind: Literal["sl651", "sl427", "sdi12", "nmea", "vaisala", "plantower", "lines"]
    line: Line
    speakers: list[SpeakerSpec] = Field(min_length=1)


LineSpec = Annotated[
    ModbusRtuSpec | ModbusTcpSpec | Hj212SerialSpec | Hj212TcpSpec | SpeakerLineSpec,
    Field(discriminator="kind"),
]


class Scenario(Spec):
    """A whole scenario file."""

    version: Literal[1]
    series: dict[str, SeriesSpec] = Field(default_factory=dict)
    lines: dict[Name, LineSpec] = Field(min_length=1)
