"""The doctor at the broker: whether it is reached, trusted, and lets the gateway in."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime

import aiomqtt

from district.findings import Text
from district.inventory import Gateway
from tocsin.remark import Remark, found, well
from transport.session import Endpoint
from transport.topics import GatewayTopics

_WITHIN_S = 5.0
_SOON_DAYS = 30


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
                what,
                Text(f"{endpoint.url} is not reached: {reason}", f"无法连接 {endpoint.url}：{reason}"),
                Text(
                    f"ping {endpoint.host}; then SIM card, antenna and firewall (port {endpoint.port}); "
                    "readings are kept meanwhile",
                    f"ping {endpoint.host}；再查 SIM 卡、天线、防火墙（端口 {endpoint.port}）；数据已存本地",
                ),
            )
        ]
    return [*remarks, asyncio.run(_let_in(endpoint, GatewayTopics(gateway.area, gateway.id)))]


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
                "certificate",
                said,
                Text(
                    "renew it: delete certs/broker.pem at the centre, then tocsin certs",
                    "续期：在中心删除 certs/broker.pem，然后运行 tocsin certs",
                ),
            )
        ]
    return [well("certificate", said)]


async def _let_in(endpoint: Endpoint, topics: GatewayTopics) -> Remark:
    """Whether the broker takes the gateway's name and lets it hear its acknowledgements."""
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
    except aiomqtt.MqttError as exc:
        return found(
            what,
            Text(f"{endpoint.url} lets us not in: {exc}", f"{endpoint.url} 拒绝登录：{exc}"),
            Text(
                "at the centre: the broker's log says why; its ACL must know this gateway's certificate name",
                "在中心查看消息服务器日志；其 ACL 须包含本网关的证书名",
            ),
        )
    if any((code if isinstance(code, int) else code.value) >= 128 for code in granted):  # noqa: PLR2004
        return found(
            what,
            Text(f"{endpoint.url} forbids {topics.ack}", f"{endpoint.url} 禁止订阅 {topics.ack}"),
            Text("give this gateway its topics in the broker's ACL", "在消息服务器 ACL 中放行本网关的主题"),
        )
    return well(what, Text(f"{endpoint.url} lets us in", f"{endpoint.url} 可以登录"))
