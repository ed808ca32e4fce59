"""The kinds of foreign bus, and what runs each."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from collector.dead_letters import DeadLetters
from collector.foreign.folder import CsvFolder
from collector.foreign.lines import read_lines
from collector.foreign.mqtt import MqttReader, SparkplugReader
from collector.foreign.push import JSON_FORM, LINES_FORM, PushServer, Sender
from collector.foreign.reception import Reception
from collector.foreign.records import read_json_records, record_form
from collector.foreign.sparkplug import Sparkplug
from collector.foreign.statement import ForeignError, Told
from district.devices import Bus
from district.foreign import (
    CsvFolderBus,
    ForeignMqttBus,
    ForeignPushBus,
    JsonMqttBus,
    JsonPushBus,
    LinesMqttBus,
    LinesPushBus,
    ManualBus,
    SparkplugBus,
)
from edge.errors import EdgeSpecError
from edge.wiring import Wiring, Work
from transport.session import Endpoint, TlsFiles

_PRECISIONS = frozenset({"s", "ms", "us", "ns"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Where an intake gateway stands.

    Args:
        gateway: Its id.
        broker: The district's own.
        folder: Of devices.yaml: what names a file there means one from here on.
        secrets: The environment.
        dead_letters: Keeps what becomes no reading.
    """

    gateway: str
    broker: Endpoint
    folder: Path
    secrets: Mapping[str, str]
    dead_letters: DeadLetters


def foreign_work(premises: Premises, spec: Bus, wiring: Wiring) -> list[Work]:
    """The tasks of one foreign bus.

    Raises:
        EdgeSpecError: A secret or a file is missing, or the bus is one of instruments.
    """
    reception = Reception(wiring, premises.dead_letters)
    match spec:
        case SparkplugBus() | JsonMqttBus() | LinesMqttBus():
            return [_mqtt(premises, spec, wiring, reception), reception.roll.watch]
        case JsonPushBus() | LinesPushBus():
            return [_push(premises, spec, wiring, reception).run, reception.roll.watch]
        case CsvFolderBus():
            form = record_form(spec, wiring.timezone)
            folder = CsvFolder(premises.folder / spec.folder, spec, form, reception)
            return [folder.run, reception.roll.watch]
        case ManualBus():
            return []  # people report to the console, by SMS or with `tocsin reading`
        case _:
            raise EdgeSpecError(f"bus {wiring.bus_id}: instruments are read by `tocsin edge`")


def _mqtt(premises: Premises, spec: ForeignMqttBus, wiring: Wiring, reception: Reception) -> Work:
    endpoint, client_id = _endpoint(premises, spec), f"tocsin-{premises.gateway}-{wiring.bus_id}"
    match spec:
        case SparkplugBus():
            return SparkplugReader(
                endpoint,
                client_id,
                Sparkplug([str(device.source) for device in wiring.devices]),
                host=spec.host,
                reception=reception,
                clock=wiring.calendar,
            ).run
        case JsonMqttBus():
            read = partial(read_json_records, record_form(spec, wiring.timezone), reception.mapper.names)
        case LinesMqttBus():
            read = partial(read_lines, spec.source, spec.precision, reception.mapper.names)
        case _:
            assert_never(spec)
    return MqttReader(endpoint, client_id, spec.topics, read, reception).run


def _endpoint(premises: Premises, spec: ForeignMqttBus) -> Endpoint:
    if spec.broker is None:
        return premises.broker
    authority = None if spec.authority is None else _present(premises.folder / spec.authority)
    return Endpoint(
        host=spec.broker.host,
        port=spec.broker.port,
        tls=TlsFiles(authority=authority) if spec.broker.tls else None,
        user=spec.user,
        password=None if spec.password_env is None else _secret(premises, spec.password_env),
    )


def _push(premises: Premises, spec: ForeignPushBus, wiring: Wiring, reception: Reception) -> PushServer:
    senders = {
        _secret(premises, token.token_env): Sender(
            name, None if token.devices is None else frozenset(token.devices)
        )
        for name, token in spec.tokens.items()
    }
    if len(senders) < len(spec.tokens):
        raise EdgeSpecError(f"bus {wiring.bus_id}: two tokens have the same secret")
    names = reception.mapper.names
    if isinstance(spec, JsonPushBus):
        form = record_form(spec, wiring.timezone)
        read = lambda _precision, body: read_json_records(form, names, "", body)  # noqa: E731
    else:
        read = partial(_pushed_lines, spec, names)
    return PushServer(
        wiring.bus_id,
        spec.listen,
        _server_context(premises, spec),
        form=JSON_FORM if isinstance(spec, JsonPushBus) else LINES_FORM,
        senders=senders,
        read=read,
        reception=reception,
    )


def _pushed_lines(
    spec: LinesPushBus, names: Mapping[str, Sequence[str]], precision: str, body: bytes
) -> Told:
    """Lines sent to us; the address may say what their times count, as it does for InfluxDB."""
    asked = {"u": "us", "n": "ns", "": spec.precision}.get(precision, precision)
    if asked not in _PRECISIONS:
        raise ForeignError(f"no precision {precision!r}")
    return read_lines(spec.source, asked, names, "", body)


def _server_context(premises: Premises, spec: ForeignPushBus) -> ssl.SSLContext | None:
    if spec.certificate is None or spec.key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    files = (_present(premises.folder / spec.certificate), _present(premises.folder / spec.key))
    try:
        context.load_cert_chain(*files)
    except ssl.SSLError as exc:
        raise EdgeSpecError(f"{files[0]}, {files[1]}: {exc}") from exc
    return context


def _present(path: Path) -> Path:
    if not path.is_file():
        raise EdgeSpecError(f"{path} is not there, though devices.yaml names it")
    return path


def _secret(premises: Premises, name: str) -> str:
    value = premises.secrets.get(name, "")
    if not value:
        raise EdgeSpecError(f"the environment variable {name} is not set, though devices.yaml names it")
    return value
