"""The kinds of bus a gateway can own, as people write them and as the edge uses them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from district.fields import Duration, PositiveDuration, Spec
from district.findings import SpecError, Text, closest

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 230400, 460800)
_LINE = re.compile(r"(?P<baud>[0-9]+)-(?P<bits>[78])(?P<parity>[NEO])(?P<stop>[12])")
_LAST_PORT = 65535
_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%a-z]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """How characters travel on a serial line."""

    baud: int
    bits: int
    parity: Literal["N", "E", "O"]
    stop: int

    @property
    def char_s(self) -> float:
        """Seconds that one character takes, with its start, parity and stop bits."""
        return (1 + self.bits + (self.parity != "N") + self.stop) / self.baud

    def __str__(self) -> str:
        return f"{self.baud}-{self.bits}{self.parity}{self.stop}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """A TCP endpoint; an IPv6 host is kept without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _line(value: Any) -> Any:
    if isinstance(value, SerialLine):
        return value
    match = _LINE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise SpecError(
            Text(f"{value!r} is no line setting", f"{value!r} 不是串口参数"),
            Text(
                "write baud rate, data bits, parity and stop bits, as in 9600-8N1",
                "请写波特率、数据位、校验位、停止位，例如 9600-8N1",
            ),
        )
    baud = int(match["baud"])
    if baud not in BAUDS:
        raise SpecError(
            Text(f"{baud} is no common baud rate", f"{baud} 不是常用波特率"),
            Text(f"use one of: {', '.join(map(str, BAUDS))}", f"可用：{'、'.join(map(str, BAUDS))}"),
            suggestion=closest(str(baud), map(str, BAUDS)),
        )
    return SerialLine(
        baud=baud, bits=int(match["bits"]), parity=_parity(match["parity"]), stop=int(match["stop"])
    )


def parse_line(text: str) -> SerialLine:
    """Read a line setting, as in ``9600-8N1``.

    Raises:
        SpecError: The text is of another form, or its baud rate is no common one.
    """
    line: SerialLine = _line(text)
    return line


def _parity(letter: str) -> Literal["N", "E", "O"]:
    return "E" if letter == "E" else "O" if letter == "O" else "N"


def _rtu_line(line: SerialLine) -> SerialLine:
    if line.bits != 8:  # noqa: PLR2004  (the figure is what the message says)
        raise SpecError(
            Text("Modbus RTU needs 8 data bits", "Modbus RTU 需要 8 个数据位"),
            Text(
                f"write {line.baud}-8{line.parity}{line.stop}", f"请写 {line.baud}-8{line.parity}{line.stop}"
            ),
        )
    return line


def parse_host_port(value: Any) -> Any:
    """Read ``HOST:PORT`` or ``[IPv6]:PORT``.

    Raises:
        SpecError: The text is of another form or the port is none.
    """
    if isinstance(value, HostPort):
        return value
    match = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 0 < int(match["port"]) <= _LAST_PORT:
        raise SpecError(
            Text(f"{value!r} is no HOST:PORT", f"{value!r} 不是 主机:端口"),
            Text(
                'write as in "0.0.0.0:9212" or "[::]:9212", in quotes',
                '请写成 "0.0.0.0:9212" 或 "[::]:9212"，加引号',
            ),
        )
    return HostPort(host=match["v6"] or match["host"], port=int(match["port"]))


Line = Annotated[
    SerialLine,
    BeforeValidator(_line),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+-[78][NEO][12]$", "examples": ["9600-8N1"]}),
]
Listen = Annotated[
    HostPort,
    BeforeValidator(parse_host_port),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": ":[0-9]{1,5}$", "examples": ["0.0.0.0:9212", "[::]:9212"]}),
]
RtuLine = Annotated[
    Line, AfterValidator(_rtu_line), Field(description="Baud rate, bits, parity, stop: 9600-8N1.")
]
AnyLine = Annotated[Line, Field(description="Baud rate, bits, parity, stop: 9600-7E1.")]
MaxWords = Annotated[
    int,
    Field(ge=1, le=125, description="Most registers that one request may ask for; old devices take fewer."),
]


class _ModbusBusSpec(Spec):
    """What is common to every bus with Modbus units on it."""

    timeout: PositiveDuration = Field(
        default=timedelta(seconds=1), validate_default=True, description="Longest wait for an answer."
    )
    max_words: MaxWords = 125


class _SharedLineSpec(_ModbusBusSpec):
    """A line that its units share: nothing on it says to which request an answer belongs."""

    gap: Duration = Field(
        default=timedelta(0),
        description="Rest between two requests, beyond the 3.5 characters of the standard.",
    )
    turnaround: Duration = Field(
        default=timedelta(milliseconds=20), description="How long units usually think before they answer."
    )


class _SerialPortSpec(_SharedLineSpec):
    """A shared line at a serial port of this gateway."""

    port: str = Field(
        min_length=1, description="Device file; prefer /dev/serial/by-id/…, it survives replugging."
    )


class _ConverterSpec(_SharedLineSpec):
    """A shared line behind a converter that passes its bytes over TCP as they are."""

    host: str = Field(min_length=1, description="Name or address; IPv6 without brackets.")
    port: int = Field(ge=1, le=65535)


class ModbusRtuBus(_SerialPortSpec):
    """An RS-485 line with Modbus RTU units on it."""

    kind: Literal["modbus-rtu"]
    line: RtuLine


class ModbusAsciiBus(_SerialPortSpec):
    """An RS-485 line with Modbus ASCII units on it."""

    kind: Literal["modbus-ascii"]
    line: AnyLine


class ModbusRtuTcpBus(_ConverterSpec):
    """Modbus RTU units behind a transparent converter."""

    kind: Literal["modbus-rtu-tcp"]
    line: RtuLine


class ModbusAsciiTcpBus(_ConverterSpec):
    """Modbus ASCII units behind a transparent converter."""

    kind: Literal["modbus-ascii-tcp"]
    line: AnyLine


class ModbusTcpBus(_ModbusBusSpec):
    """A Modbus TCP server: a PLC, a converter, a controller."""

    kind: Literal["modbus-tcp"]
    host: str = Field(min_length=1, description="Name or address; IPv6 without brackets.")
    port: int = Field(default=502, ge=1, le=65535)


SharedLineBus = ModbusRtuBus | ModbusAsciiBus | ModbusRtuTcpBus | ModbusAsciiTcpBus
ModbusBus = SharedLineBus | ModbusTcpBus


Edition = Annotated[
    Literal["auto", "2005", "2017", "2025"],
    BeforeValidator(
        lambda value: str(value) if type(value) is int else value  # people leave the quotes out
    ),
    WithJsonSchema({"enum": ["auto", "2005", "2017", "2025", 2005, 2017, 2025]}),
]
Backfill = Annotated[
    Literal["minute", "hour"] | None,
    Field(description="Which mean values a station is asked for after a silence; none if left out."),
]


class Hj212SerialBus(Spec):
    """A serial line on which one HJ 212 station reports by itself."""

    kind: Literal["hj212-serial"]
    port: str = Field(
        min_length=1, description="Device file; prefer /dev/serial/by-id/…, it survives replugging."
    )
    line: Line = Field(description="Baud rate, bits, parity, stop: 9600-8N1.")
    edition: Edition = "auto"
    backfill: Backfill = None


class Hj212TcpBus(Spec):
    """A TCP port to which HJ 212 stations connect and report."""

    kind: Literal["hj212-tcp"]
    listen: Listen = Field(description="Address and port to listen at.")
    edition: Edition = "auto"
    backfill: Backfill = None


class Hj212ClientBus(Spec):
    """A station, or a converter before one, that waits for us to connect."""

    kind: Literal["hj212-client"]
    connect: Listen = Field(description="Address and port of the station.")
    edition: Edition = "auto"
    backfill: Backfill = None


Hj212Bus = Hj212SerialBus | Hj212TcpBus | Hj212ClientBus
