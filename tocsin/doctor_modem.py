"""The doctor at a GSM modem: whether it speaks, its SIM is open, and how well it hears its network."""

import asyncio
import re
from collections.abc import Iterable

import serial
import serial_asyncio_fast

from alerting.channels.modem.at import AtLine
from alerting.errors import ModemLostError, ModemRefusedError
from district.findings import Text
from tocsin.doctor_lines import examine_port
from tocsin.remark import Remark, found, well

_ANSWER_S = 3.0
_SETTLE_S = 0.3  # for what an earlier dialogue left unanswered
_AT_HOME, _ROAMING = 1, 5
_STATES = {
    0: Text("it looks for no network", "未在搜索网络"),
    2: Text("it looks for a network", "正在搜索网络"),
    3: Text("the network refuses it", "网络拒绝注册"),
}
_FAINT, _UNKNOWN = 6, 99  # of AT+CSQ: -101 dBm; no figure


def examine_modem(port: str, baud: int) -> list[Remark]:
    """How the modem at a port is, step by step; the first that fails ends it."""
    what = "modem"
    at_port = examine_port(what, port)
    if not at_port.is_well:
        return [at_port]
    try:
        return asyncio.run(_ask(port, baud))
    except serial.SerialException as exc:
        return [
            found(
                "modem-held",
                what,
                Text(f"{port} cannot be opened: {exc}", f"{port} 无法打开：{exc}"),
                Text(
                    "where alerting runs, it owns the modem: ask its log",
                    "alerting 运行时占用该模块：请查看其日志",
                ),
            )
        ]
    except ModemLostError as exc:
        return [
            found(
                "modem-silent",
                what,
                Text(f"{port} at {baud} baud: {exc}", f"{port}（{baud} 波特）：{exc}"),
                Text(
                    "take its power away and give it back; it may also have another port or baud rate",
                    "断电后重新上电；也可能是其他端口或波特率",
                ),
            )
        ]


async def _ask(port: str, baud: int) -> list[Remark]:
    line = AtLine(lambda _: None)
    device = serial.Serial(port, baudrate=baud, exclusive=True)
    await serial_asyncio_fast.connection_for_serial(asyncio.get_running_loop(), lambda: line, device)
    try:
        await asyncio.sleep(_SETTLE_S)
        await line.ask("AT", timeout_s=_ANSWER_S)
        await line.ask("ATE0", timeout_s=_ANSWER_S)
        remarks = [well("modem", Text(f"{port} answers", f"{port} 有应答"))]
        for step in (_sim, _network, _signal):
            remarks += (said := await step(line))
            if not all(each.is_well for each in said):
                break
        return remarks
    finally:
        line.close()


async def _sim(line: AtLine) -> list[Remark]:
    what = "modem SIM"
    try:
        (state,) = await line.ask("AT+CPIN?", timeout_s=_ANSWER_S) or [""]
    except ModemRefusedError as exc:
        return [
            found(
                "no-sim",
                what,
                Text(f"no SIM card: {exc}", f"没有 SIM 卡：{exc}"),
                Text(
                    "put the SIM card in, contacts down, with the modem's power off", "断电后重新插入 SIM 卡"
                ),
            )
        ]
    if state == "+CPIN: READY":
        return [well(what, Text("ready", "就绪"))]
    return [
        found(
            "sim-locked",
            what,
            Text(f"it wants {state.removeprefix('+CPIN: ')}", f"需要 {state.removeprefix('+CPIN: ')}"),
            Text(
                "name the variable with its PIN as pin_env in contacts.yaml, or take it off by telephone",
                "在 contacts.yaml 中用 pin_env 指明 PIN，或用手机取消 PIN",
            ),
        )
    ]


async def _network(line: AtLine) -> list[Remark]:
    what = "modem network"
    state = _figure(await _answer(line, "AT+CREG?"), r"\+CREG: *\d+, *(\d+)")
    if state in {_AT_HOME, _ROAMING}:
        kind = Text("at home", "本地") if state == _AT_HOME else Text("roaming", "漫游")
        return [well(what, Text(f"registered, {kind.en}", f"已注册（{kind.zh}）"))]
    return [
        found(
            "no-network",
            what,
            _STATES.get(state if state is not None else -1, Text("it does not say", "未知")),
            Text(
                "check the antenna, then whether the card is paid for; some cards know no 2G network",
                "检查天线和卡是否欠费；部分卡不支持 2G 网络",
            ),
        )
    ]


async def _signal(line: AtLine) -> list[Remark]:
    what = "modem signal"
    level = _figure(await _answer(line, "AT+CSQ"), r"\+CSQ: *(\d+),")
    if level is None or level == _UNKNOWN:
        return [well(what, Text("it gives no figure", "模块未给出数值"))]
    dbm = 2 * level - 113
    if level >= _FAINT:
        return [well(what, Text(f"{dbm} dBm", f"{dbm} dBm"))]
    return [
        found(
            "faint-signal",
            what,
            Text(f"{dbm} dBm: faint", f"{dbm} dBm：信号弱"),
            Text("place the antenna higher and outside the metal box", "把天线移到高处、金属箱外"),
        )
    ]


async def _answer(line: AtLine, command: str) -> list[str]:
    try:
        return await line.ask(command, timeout_s=_ANSWER_S)
    except ModemRefusedError:  # not every modem knows every question
        return []


def _figure(lines: Iterable[str], pattern: str) -> int | None:
    match = next(filter(None, (re.match(pattern, line) for line in lines)), None)
    return int(match.group(1)) if match else None
