"""The doctor at the lines: whether ports are there, are ours to use, and are held by somebody else."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from district.bus import HostPort, parse_host_port
from district.devices import Bus
from district.findings import SpecError, Text
from tocsin.remark import Remark, found, well

_BY_ID = Path("/dev/serial/by-id")
_PSEUDO = Path("/dev/pts")  # whoever simulates an instrument holds its other end
_CONNECT_WITHIN_S = 3.0


def examine_bus(bus: str, spec: Bus, endpoint: str | None) -> Iterator[Remark]:
    """How the port, address or listening place of a bus is.

    Args:
        bus: Its id.
        spec: What devices.yaml says of it.
        endpoint: What takes the place of its port or address on this machine.
    """
    what = f"bus {bus}"
    listen = getattr(spec, "listen", None)
    if listen is not None:
        yield _listening(what, _host_port(endpoint) or listen)
        return
    address = _host_port(endpoint) or _address(spec)
    if address is not None:
        yield _connecting(what, address)
        return
    port = endpoint or getattr(spec, "port", None)
    if isinstance(port, str):
        yield examine_port(what, port)


def _host_port(text: str | None) -> HostPort | None:
    if text is None or text.startswith("/"):
        return None
    try:
        parsed: HostPort = parse_host_port(text)
    except SpecError:
        return None
    return parsed


def _address(spec: Bus) -> HostPort | None:
    connect = getattr(spec, "connect", None)
    if isinstance(connect, HostPort):
        return connect
    host, port = getattr(spec, "host", None), getattr(spec, "port", None)
    return HostPort(host=host, port=port) if isinstance(host, str) and isinstance(port, int) else None


def examine_port(what: str, port: str) -> Remark:
    """Whether a serial port is there, is ours to use, and is held by nobody else."""
    path = Path(port)
    if not path.exists():
        there = ", ".join(sorted(str(each) for each in _BY_ID.glob("*"))) or "none"
        return found(
            "no-port",
            what,
            Text(
                f"{port} is not there; serial adapters found: {there}",
                f"{port} 不存在；已发现的串口适配器：{there}",
            ),
            Text(
                "plug the adapter in, or write the one that is meant in devices.yaml (ls /dev/serial/by-id)",
                "插好适配器，或在 devices.yaml 中改为实际的适配器（ls /dev/serial/by-id）",
            ),
        )
    if not stat.S_ISCHR(path.stat().st_mode):
        return found(
            "no-serial-port",
            what,
            Text(f"{port} is no serial port", f"{port} 不是串口设备"),
            Text("ls -l /dev/serial/by-id shows those there are", "用 ls -l /dev/serial/by-id 查看现有串口"),
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return found(
            "no-rights",
            what,
            Text(f"{port}: this user may not use it", f"{port}：当前用户无权使用"),
            Text(
                "sudo usermod -aG dialout $USER, then log in again",
                "sudo usermod -aG dialout $USER，然后重新登录",
            ),
        )
    holder = None if path.resolve().is_relative_to(_PSEUDO) else holder_of(path)
    if holder is not None and "tocsin" not in holder:
        return found(
            "port-held",
            what,
            Text(f"{port} is held by {holder}", f"{port} 被 {holder} 占用"),
            Text("end that program, or disable its service", "结束该程序，或停用其服务"),
        )
    if not port.startswith(str(_BY_ID)) and path.name.startswith(("ttyUSB", "ttyACM")):
        return found(
            "port-by-number",
            what,
            Text(f"{port} may be another adapter after a restart", f"{port} 重启后可能变成另一个适配器"),
            Text("use its name in /dev/serial/by-id", "请使用 /dev/serial/by-id 中的名称"),
        )
    by = f", held by {holder}" if holder else ""
    return well(what, Text(f"{port}{by}", f"{port}{by}"))


def holder_of(path: Path) -> str | None:
    """The program that has a file open, as ``NAME (PID)``; none that we may see, if none."""
    meant = path.stat()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            for link in (entry / "fd").iterdir():
                opened = link.stat()
                if _is_same(opened, meant):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    name = next(
                        (w for w in (b" ".join(words[:4])).decode(errors="replace").split() if "tocsin" in w),
                        words[0].decode(errors="replace"),
                    )
                    if int(entry.name) != os.getpid():
                        return f"{Path(name).name} ({entry.name})"
        except OSError:
            continue
    return None


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether both are one file, or one device under two names."""
    devices = stat.S_ISCHR(one.st_mode) and stat.S_ISCHR(other.st_mode)
    return one.st_rdev == other.st_rdev if devices else os.path.samestat(one, other)


def _connecting(what: str, address: HostPort) -> Remark:
    try:
        with socket.create_connection((address.host, address.port), timeout=_CONNECT_WITHIN_S):
            pass
    except OSError as exc:
        reason = exc.strerror or str(exc)
        return found(
            "no-answer",
            what,
            Text(f"{address} does not answer: {reason}", f"{address} 无响应：{reason}"),
            Text(
                f"check its power and cable, then: ping {address.host}; it may also serve one client only",
                f"检查其供电和网线，然后 ping {address.host}；有的设备只接受一个连接",
            ),
        )
    return well(what, Text(f"{address} answers", f"{address} 有响应"))


def _listening(what: str, address: HostPort) -> Remark:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address.host, address.port))
        except OSError as exc:
            if _answers(address):
                return well(what, Text(f"{address} is being listened at", f"{address} 正在监听"))
            reason = exc.strerror or str(exc)
            return found(
                "no-listening",
                what,
                Text(f"{address} cannot be listened at: {reason}", f"无法监听 {address}：{reason}"),
                Text(
                    "ip addr shows this machine's addresses; 0.0.0.0 or [::] stands for all",
                    "用 ip addr 查看本机地址；0.0.0.0 或 [::] 表示全部",
                ),
            )
    return well(what, Text(f"{address} is free to listen at", f"{address} 可以监听"))


def _answers(address: HostPort) -> bool:
    try:
        with socket.create_connection((address.host, address.port), timeout=_CONNECT_WITHIN_S):
            return True
    except OSError:
        return False
