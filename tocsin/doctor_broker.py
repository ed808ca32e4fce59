"""The doctor at the broker: whether it is reached, trusted, and lets the gateway in."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from statistics import median
from time import time

import aiomqtt

from district.findings import Text
from district.inventory import Gateway
from tocsin.remark import Remark, found, well
from transport.beat import BEAT_EVERY_S, decode_beat
from transport.errors import WireError
from transport.session import Endpoint, TlsFiles
from transport.topics import ANY_SERVER_STATUS, GatewayTopics

_WITHIN_S = 5.0
_SOON_DAYS = 30
_CENTRE = {"collector", "rules"}  # without whose acknowledgement readings are kept
_BEAT_MAY_BE_LATE_S = 1.5
_CLOCK_MAY_BE_OFF_S = 2.0


def examine_broker(endpoint: Endpoint, gateway: Gateway) -> list[Remark]:
    """How the way to the broker is, step by step; the first that fails ends it."""
    what = "broker"
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=_WITHIN_S) as raw:
            remarks = _trusted(endpoint, raw) if endpoint.tls else []
    except ssl.SSLError as exc:
        reason = getattr(exc, "verify_message", None) or exc.reason or str(exc)
        return [
            found(
                "untrusted",
                what,
                Text(f"{endpoint.url}: no trust: {reason}", f"{endpoint.url}：证书不被信任：{reason}"),
                Text(
                    "check the clock above; then copy authority.pem, .pem and .key anew (tocsin certs)",
                    "先确认上面的时钟；再重新拷贝 authority.pem、.pem 和 .key（tocsin certs）",
                ),
            )
        ]
    except OSError as exc:
        reason = exc.strerror or str(exc)
        return [
            found(
                "unreachable",
                what,
                Text(f"{endpoint.url} is not reached: {reason}", f"无法连接 {endpoint.url}：{reason}"),
                Text(
                    f"ping {endpoint.host}; then SIM card, antenna and firewall (port {endpoint.port}); "
                    "readings are kept meanwhile",
                    f"ping {endpoint.host}；再查 SIM 卡、天线、防火墙（端口 {endpoint.port}）；数据已存本地",
                ),
            )
        ]
    own = _own_certificate(endpoint.tls) if endpoint.tls else []
    return [*remarks, *own, *asyncio.run(_let_in(endpoint, GatewayTopics(gateway.area, gateway.id)))]


def _trusted(endpoint: Endpoint, raw: socket.socket) -> list[Remark]:
    """Whether the broker's certificate holds, and for how long.

    Raises:
        ssl.SSLError: It does not.
    """
    if endpoint.tls is None:
        return []
    context = endpoint.tls.context()
    with context.wrap_socket(raw, server_hostname=endpoint.host) as line:
        certificate = line.getpeercert() or {}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    said = Text(f"holds until {ends:%Y-%m-%d}", f"有效期至 {ends:%Y-%m-%d}")
    if days < _SOON_DAYS:
        return [
            found(
                "certificate-ends",
                "certificate",
                said,
                Text(
                    "renew it: delete certs/broker.pem at the centre, then tocsin certs",
                    "续期：在中心删除 certs/broker.pem，然后运行 tocsin certs",
                ),
            )
        ]
    return [well("certificate", said)]


def _own_certificate(tls: TlsFiles) -> list[Remark]:
    """How long our own certificate holds, as far as a program that reads it is here."""
    openssl = shutil.which("openssl")
    if tls.certificate is None or openssl is None:
        return []
    what = "own certificate"
    asked = [openssl, "x509", "-noout", "-enddate", "-in", str(tls.certificate)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(told.strip().removeprefix("notAfter=")), UTC)
    said = Text(f"holds until {ends:%Y-%m-%d}", f"有效期至 {ends:%Y-%m-%d}")
    if (ends - datetime.now(UTC)).days >= _SOON_DAYS:
        return [well(what, said)]
    name = tls.certificate.name
    return [
        found(
            "own-certificate-ends",
            what,
            said,
            Text(
                f"renew it: delete certs/{name} at the centre, run tocsin certs, copy it and its key here",
                f"续期：在中心删除 certs/{name}，运行 tocsin certs，再把证书和密钥拷贝到本机",
            ),
        )
    ]


async def _let_in(endpoint: Endpoint, topics: GatewayTopics) -> list[Remark]:
    """Whether the broker takes the gateway's name, lets it hear its acknowledgements, and who is there."""
    what = "broker"
    try:
        async with aiomqtt.Client(
            endpoint.host,
            endpoint.port,
            identifier=f"tocsin-doctor-{topics.gateway}",
            tls_context=endpoint.tls.context() if endpoint.tls else None,
            timeout=_WITHIN_S,
        ) as client:
            granted = await client.subscribe(topics.ack, qos=1)
            await client.subscribe(ANY_SERVER_STATUS, qos=1)
            centre = await _centre(client)
    except aiomqtt.MqttError as exc:
        return [
            found(
                "not-let-in",
                what,
                Text(f"{endpoint.url} lets us not in: {exc}", f"{endpoint.url} 拒绝登录：{exc}"),
                Text(
                    "at the centre: the broker's log says why; its ACL must know this gateway's certificate",
                    "在中心查看消息服务器日志；其 ACL 须包含本网关的证书名",
                ),
            )
        ]
    if any((code if isinstance(code, int) else code.value) >= 128 for code in granted):  # noqa: PLR2004
        return [
            found(
                "topic-forbidden",
                what,
                Text(f"{endpoint.url} forbids {topics.ack}", f"{endpoint.url} 禁止订阅 {topics.ack}"),
                Text(
                    "give this gateway its topics in the broker's ACL", "在消息服务器 ACL 中放行本网关的主题"
                ),
            )
        ]
    return [well(what, Text(f"{endpoint.url} lets us in", f"{endpoint.url} 可以登录")), *centre]


async def _centre(client: aiomqtt.Client) -> list[Remark]:
    """Which parts at the centre give signs of life, and whether our clock agrees with theirs.

    What the broker retains is passed over: it may be of any age.
    """
    offsets: dict[str, float] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(BEAT_EVERY_S + _BEAT_MAY_BE_LATE_S):
            async for message in client.messages:
                if not message.retain and isinstance(message.payload, bytes):
                    with suppress(WireError):
                        beat = decode_beat(message.payload)
                        part = beat.service.partition("-")[
                            0
                        ]  # collectors that share the work have names behind it
                        offsets[part] = time() - beat.wall_s
                if offsets.keys() >= _CENTRE:
                    break
    remarks = []
    if missing := sorted(_CENTRE - offsets.keys()):
        names = ", ".join(missing)
        remarks.append(
            found(
                "centre-silent",
                "centre",
                Text(f"no sign of life of {names}", f"未收到 {names} 的心跳"),
                Text(
                    f"readings are kept here meanwhile; at the centre: systemctl status tocsin-{missing[0]}",
                    f"数据暂存本机；在中心执行：systemctl status tocsin-{missing[0]}",
                ),
            )
        )
    else:
        remarks.append(well("centre", Text("collector and rules are there", "collector 与 rules 在线")))
    if offsets:
        offset_s = median(offsets.values())
        said = Text(f"{offset_s:+.1f} s against the centre's", f"与中心相差 {offset_s:+.1f} s")
        remarks.append(
            well("clock offset", said)
            if abs(offset_s) <= _CLOCK_MAY_BE_OFF_S
            else found(
                "clock-off",
                "clock offset",
                said,
                Text(
                    "timedatectl set-ntp true; timedatectl timesync-status shows the time server",
                    "timedatectl set-ntp true；用 timedatectl timesync-status 查看时间服务器",
                ),
            )
        )
    return remarks
