"""The doctor: what keeps a gateway from its work, each with the command that mends it.

Nothing here needs the internet, and all of it may be asked while the agent runs.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from district.findings import InvalidFileError, Text
from district.inventory import District, Gateway
from district.load import load_district
from edge.app import SPOOL
from edge.timekeeping import EARLIEST_S, kernel_is_synchronised
from tocsin import doctor_broker, doctor_lines
from tocsin.check import check
from tocsin.errors import TocsinError
from tocsin.remark import Remark, found, well
from tocsin.upkeep import gateway_state
from tocsin.wiring import Surroundings, broker_of
from transport.batch import decode_batch
from transport.errors import EndpointError, WireError
from transport.measurement import from_ms

_LITTLE_ROOM = 256 * 1024**2  # bytes free on disk
_DEEP = 1000  # batches that wait


def examine(at: Surroundings, gateway: str | None, endpoints: dict[str, str]) -> list[Remark]:
    """Everything that was looked at, in the order in which it is best mended.

    Args:
        at: The district and where state is kept.
        gateway: Whose lines and spool are looked at; all of the district's without it.
        endpoints: Bus id to the port or ``HOST:PORT`` that takes its configured place.

    Raises:
        TocsinError: The district has no such gateway.
    """
    remarks = list(_configuration(at.district))
    try:
        district = load_district(at.district, areas=False)
    except InvalidFileError:
        return [*remarks, *_clock(), *_disk(at.state)]
    gateways = _meant(district, gateway)
    remarks += [_software(), *_clock(), *_disk(at.state)]
    for each in gateways:
        for bus, spec in each.buses.items():
            remarks += doctor_lines.examine_bus(bus, spec, endpoints.get(bus))
        remarks += _spool(at, each)
        if gateway is not None:
            remarks += _service(each)
    remarks += _broker(at, district, gateways[0])
    return remarks


def _meant(district: District, gateway: str | None) -> list[Gateway]:
    if gateway is None:
        return list(district.gateways.values())
    if gateway not in district.gateways:
        raise TocsinError(f"no gateway {gateway!r} in devices.yaml; it has: {', '.join(district.gateways)}")
    return [district.gateways[gateway]]


def _configuration(folder: Path) -> Iterator[Remark]:
    mistakes = check(folder)
    if mistakes:
        yield found(
            "mistakes",
            "configuration",
            Text(f"the district has {len(mistakes)} mistakes", f"地区配置有 {len(mistakes)} 处错误"),
            Text(f"tocsin check -d {folder}", f"tocsin check -d {folder}"),
        )
    else:
        yield well("configuration", Text("no mistakes", "没有错误"))


def _clock() -> Iterator[Remark]:
    now = datetime.now(UTC)
    shown = now.astimezone().isoformat(timespec="seconds")
    if now.timestamp() < EARLIEST_S:
        yield found(
            "clock-past",
            "clock",
            Text(f"the clock shows {shown}, which is past", f"时钟显示 {shown}，是过去的时间"),
            Text('timedatectl set-time "YYYY-MM-DD HH:MM:SS"', 'timedatectl set-time "YYYY-MM-DD HH:MM:SS"'),
        )
    elif kernel_is_synchronised():
        yield well("clock", Text(f"{shown}, synchronised", f"{shown}，已同步"))
    elif Path("/dev/rtc0").exists():
        yield well("clock", Text(f"{shown}, by a battery clock", f"{shown}，由硬件时钟保持"))
    else:
        yield found(
            "clock-free",
            "clock",
            Text(
                f"{shown}: nothing steers it, and it stands still without power",
                f"{shown}：未与任何时间源同步，断电后时钟停走",
            ),
            Text(
                "timedatectl set-ntp true (NTP= in /etc/systemd/timesyncd.conf), or a battery clock",
                "timedatectl set-ntp true（NTP= 写在 /etc/systemd/timesyncd.conf），或加装硬件时钟",
            ),
        )


def _disk(state: Path) -> Iterator[Remark]:
    place = next(each for each in (state, *state.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    trial = place / ".tocsin-doctor"
    try:
        trial.write_bytes(b"tocsin")
        trial.unlink()
    except OSError as exc:
        yield found(
            "disk-closed",
            "disk",
            Text(f"{place} cannot be written: {exc.strerror}", f"{place} 无法写入：{exc.strerror}"),
            Text(
                f"sudo chown $USER {place}, or mount it writable",
                f"sudo chown $USER {place}，或以可写方式挂载",
            ),
        )
        return
    megabytes = free // 1024**2
    if free < _LITTLE_ROOM:
        yield found(
            "disk-full",
            "disk",
            Text(f"only {megabytes} MB are free at {place}", f"{place} 仅剩 {megabytes} MB 空间"),
            Text(
                "journalctl --vacuum-size=50M; or less spool_mb",
                "journalctl --vacuum-size=50M；或减小 spool_mb",
            ),
        )
    else:
        yield well("disk", Text(f"{megabytes} MB free at {place}", f"{place} 剩余 {megabytes} MB"))


def _spool(at: Surroundings, gateway: Gateway) -> Iterator[Remark]:
    path = gateway_state(at.district, at.state, gateway.id) / SPOOL
    what = f"spool {gateway.id}"
    if not path.exists():
        yield well(what, Text("none yet: the agent has not run here", "尚无缓存：代理未在此运行过"))
        return
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            depth = int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
            oldest = connection.execute("SELECT body FROM message ORDER BY id LIMIT 1").fetchone()
    except sqlite3.Error as exc:
        verdict, depth, oldest = str(exc), 0, None
    if verdict != "ok":
        yield found(
            "spool-damaged",
            what,
            Text(f"{path} is damaged: {verdict}", f"{path} 已损坏：{verdict}"),
            Text(
                "nothing to do: the agent mends it; but check the disk with smartctl or replace the card",
                "无需处理：代理会自行修复；但请用 smartctl 检查磁盘或更换存储卡",
            ),
        )
    elif depth > _DEEP:
        yield found(
            "spool-deep",
            what,
            _waiting(depth, oldest),
            Text(
                "see what the broker's line below says; then whether collector and rules run at the centre",
                "请先看下方服务器连接的检查结果；再确认中心的 collector 与 rules 是否在运行",
            ),
        )
    else:
        yield well(what, _waiting(depth, oldest))


def _waiting(depth: int, oldest: tuple[bytes] | None) -> Text:
    """How many batches wait, and how old the oldest is, if it says so."""
    age = ""
    if oldest is not None:
        with suppress(WireError):
            minutes = (datetime.now(UTC) - from_ms(decode_batch(oldest[0]).origin_ms)).total_seconds() / 60
            age = f"{minutes:.0f} min"
    return Text(
        f"{depth} batches wait" + (age and f", the oldest for {age}"),
        f"{depth} 个批次等待确认" + (age and f"，最早的已等待 {age}"),
    )


def _software() -> Remark:
    """Which versions run here."""
    names = ("tocsin", "pymodbus", "pyserial", "aiomqtt", "paho-mqtt")
    shown = [f"python {python_version()}"]
    missing = []
    for name in names:
        try:
            shown.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        names_missing = ", ".join(missing)
        return found(
            "package-missing",
            "software",
            Text(f"not installed: {names_missing}", f"未安装：{names_missing}"),
            Text(
                f"{sys.executable} -m pip install 'tocsin[edge]'",
                f"{sys.executable} -m pip install 'tocsin[edge]'",
            ),
        )
    return well("software", Text(", ".join(shown), ", ".join(shown)))


def _service(gateway: Gateway) -> Iterator[Remark]:
    """Whether the agent starts with the machine, where systemd starts things."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not Path("/run/systemd/system").is_dir():
        return
    unit = f"tocsin-edge@{gateway.id}"
    asked = [systemctl, "is-active", unit]
    state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    what = f"service {gateway.id}"
    if state in {"active", "activating"}:
        yield well(what, Text(f"{unit} is {state}", f"{unit} 状态：{state}"))
    else:
        yield found(
            "service-down",
            what,
            Text(f"{unit} is {state}", f"{unit} 状态：{state}"),
            Text(
                f"sudo systemctl enable --now {unit} (deploy/systemd); journalctl -u {unit} says why",
                f"sudo systemctl enable --now {unit}（deploy/systemd）；原因见 journalctl -u {unit}",
            ),
        )


def _broker(at: Surroundings, district: District, gateway: Gateway) -> list[Remark]:
    try:
        endpoint = broker_of(district, at, gateway.id)
    except (TocsinError, EndpointError) as exc:
        return [
            found(
                "no-broker",
                "broker",
                Text(str(exc), str(exc)),
                Text(
                    "name it: tocsin doctor --broker mqtt://HOST:PORT",
                    "指定：tocsin doctor --broker mqtt://HOST:PORT",
                ),
            )
        ]
    return doctor_broker.examine_broker(endpoint, gateway)
