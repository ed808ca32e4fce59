"""Addresses of brokers, as people write them."""

from typing import Any
from urllib.parse import urlsplit

from district.fields import Spec
from district.findings import SpecError, Text

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerAddress(Spec):
    """A broker that somebody else runs."""

    host: str
    port: int
    tls: bool


def broker_address(value: Any) -> Any:
    """Read ``mqtt://HOST[:PORT]`` or ``mqtts://…``.

    Raises:
        SpecError: The text is of another form, or holds a password.
    """
    if isinstance(value, BrokerAddress):
        return value
    refusal = SpecError(  # the value itself is never shown: people put passwords into addresses
        Text("no address of a broker", "不是消息服务器地址"),
        Text(
            "write auto, mqtt://HOST:1883 or mqtts://HOST:8883",
            "请写 auto、mqtt://主机:1883 或 mqtts://主机:8883",
        ),
    )
    try:
        parts = urlsplit(value)
        port = parts.port
    except (TypeError, ValueError, AttributeError) as exc:
        raise refusal from exc
    if parts.username is not None or parts.password is not None:
        raise SpecError(
            Text("an address holds no user or password", "地址中不能写用户名或密码"),
            Text(
                "use certificates (tls: certs), or for a broker of somebody else's user and password_env",
                "请用证书（tls: certs）；他人的服务器可写 user 与 password_env",
            ),
        )
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"}:
        raise refusal
    return BrokerAddress(host=parts.hostname, port=port or _PORTS[parts.scheme], tls=parts.scheme == "mqtts")


def format_broker(broker: BrokerAddress | None) -> str:
    """The address as people write it."""
    return f"mqtt{'s' * broker.tls}://{broker.host}:{broker.port}" if broker else "auto"
