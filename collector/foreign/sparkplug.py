"""Sparkplug B: what edge nodes and their devices say, with births, aliases, sequence and deaths. Pure.

A birth names every metric; later messages may name them by alias alone. Where messages are missing, a birth
may be among them, so aliases are not to be trusted: what comes is held until the node, which is asked, says
again what it has. It is kept if the aliases mean what they meant before, and is refused if they do not.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from collector.foreign.sparkplug_payload import Metric, Payload, decode_payload, rebirth_request
from collector.foreign.statement import ForeignError, Refused, Statement, Told, shown
from transport.measurement import Quality

NAMESPACE = "spBv1.0"
_MOST_HELD = 500  # metrics of one node
_ASK_AGAIN_S = 5.0
_BORN_WITHIN_S = 1.0  # after a node's birth its devices' births follow
_SEQUENCE = 256
_CONTROLS = ("Node Control/", "Device Control/", "Properties/")
_BIRTH_AND_DEATH = "bdSeq"
_NODE_LEVELS = 4


class Command(NamedTuple):
    """What is to be sent to a node."""

    topic: str
    payload: bytes


class _Meaning(NamedTuple):
    """What a birth says of an alias or a name."""

    name: str
    datatype: int | None
    unit: str | None


class _Held(NamedTuple):
    """A metric that waits for a birth."""

    metric: Metric
    at_ms: int | None
    meant: _Meaning | None  # by what was known when it came


@dataclass(slots=True)
class _Device:
    """One device of a node, or the node itself."""

    aliases: dict[int, _Meaning] = field(default_factory=dict)
    names: dict[str, _Meaning] = field(default_factory=dict)
    is_trusted: bool = False  # born, and nothing is missing since
    held: deque[_Held] = field(default_factory=deque)


@dataclass(slots=True)
class _Node:
    """What is known of one edge node."""

    seq: int | None = None  # of its last message
    birth_number: int | None = None  # bdSeq of its last birth
    is_born: bool = False
    is_missing: bool = False  # whether some message since that birth did not come
    asked_s: float | None = None  # when it was last asked for a birth
    devices: dict[str, _Device] = field(default_factory=dict)


class Sparkplug:
    """Understands the edge nodes whose devices are ours.

    Args:
        sources: GROUP/NODE or GROUP/NODE/DEVICE of each device; other nodes are passed over.
    """

    def __init__(self, sources: Collection[str]) -> None:
        self._sources = frozenset(sources)
        self._nodes = {"/".join(source.split("/")[:2]): _Node() for source in sources}

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return [f"{NAMESPACE}/{group}/#" for group in sorted({node.split("/")[0] for node in self._nodes})]

    def ask_all(self, now_s: float, now_ms: int) -> list[Command]:
        """Ask every node for its birth, for what was said before we listened is unknown."""
        for node in self._nodes.values():
            node.asked_s = None
        return [command for name in self._nodes for command in self._ask(name, now_s, now_ms)]

    def ask_due(self, now_s: float, now_ms: int) -> list[Command]:
        """Ask again every node of which something is missing or held; to be called at an interval."""
        return [
            command
            for name, node in self._nodes.items()
            if node.is_missing or any(device.held for device in node.devices.values())
            for command in self._ask(name, now_s, now_ms)
        ]

    def hear(self, topic: str, data: bytes, *, now_s: float, now_ms: int) -> tuple[Told, list[Command]]:
        """What one message says, and what is to be asked because of it.

        Raises:
            ForeignError: It is no message of Sparkplug B.
        """
        levels = topic.split("/")
        if len(levels) < _NODE_LEVELS or levels[0] != NAMESPACE:
            return Told(), []
        group, kind, node_id = levels[1:4]
        name, device = f"{group}/{node_id}", "/".join(levels[4:])
        node = self._nodes.get(name)
        if node is None or kind[1:] not in {"BIRTH", "DATA", "DEATH"}:
            return Told(), []
        payload = decode_payload(data)
        if kind == "NDEATH":
            return self._died(name, node, payload), []
        is_whole = self._follows(node, payload.seq, is_birth=kind == "NBIRTH")
        if kind == "NBIRTH":
            self._born(node, payload, now_s)
        elif not is_whole:
            node.is_missing = True
            for each in node.devices.values():
                each.is_trusted = False
        if kind.endswith("DEATH"):
            node.devices.pop(device, None)
            return Told(gone=self._known([f"{name}/{device}"])), self._settle(name, node, now_s, now_ms)
        entry = node.devices.setdefault(device, _Device())
        source = f"{name}/{device}" if device else name
        held = _birth(entry, payload, source) if kind.endswith("BIRTH") else ()
        told = _told([*held, *_spoken(entry, payload, source)])
        return told, self._settle(name, node, now_s, now_ms)

    def _follows(self, node: _Node, seq: int | None, *, is_birth: bool) -> bool:
        """Whether no message is missing before this one; a node that does not count is believed."""
        before, node.seq = node.seq, seq
        return is_birth or seq is None or before is None or seq == (before + 1) % _SEQUENCE

    def _born(self, node: _Node, payload: Payload, now_s: float) -> None:
        """A node's birth: its devices are born anew after it."""
        node.is_born, node.is_missing = True, False
        node.asked_s = now_s - _ASK_AGAIN_S + _BORN_WITHIN_S
        node.birth_number = payload.number(_BIRTH_AND_DEATH)
        for device in node.devices.values():
            device.is_trusted = False

    def _died(self, name: str, node: _Node, payload: Payload) -> Told:
        """A node's death, told by its broker; one that belongs to an earlier birth is late."""
        number = payload.number(_BIRTH_AND_DEATH)
        if node.is_born and None not in {number, node.birth_number} and number != node.birth_number:
            return Told()
        self._nodes[name] = _Node()
        return Told(gone=self._known(source for source in self._sources if _node_of(source) == name))

    def _known(self, sources: Iterable[str]) -> list[str]:
        return sorted(source for source in sources if source in self._sources)

    def _settle(self, name: str, node: _Node, now_s: float, now_ms: int) -> list[Command]:
        """Ask for a birth while anything is in doubt."""
        doubtful = not node.is_born or node.is_missing or any(device.held for device in node.devices.values())
        return list(self._ask(name, now_s, now_ms)) if doubtful else []

    def _ask(self, name: str, now_s: float, now_ms: int) -> Iterator[Command]:
        node = self._nodes[name]
        if node.asked_s is None or now_s - node.asked_s >= _ASK_AGAIN_S:
            node.asked_s = now_s
            group, node_id = name.split("/")
            yield Command(f"{NAMESPACE}/{group}/NCMD/{node_id}", rebirth_request(now_ms))


def _node_of(source: str) -> str:
    return "/".join(source.split("/")[:2])


def _told(found: Iterable[Statement | Refused | None]) -> Told:
    parts = list(found)
    return Told(
        [part for part in parts if isinstance(part, Statement)],
        [part for part in parts if isinstance(part, Refused)],
    )


def _birth(device: _Device, payload: Payload, source: str) -> Iterator[Statement | Refused | None]:
    """Learn what a device has; what was held is said now, or refused."""
    device.aliases, device.names = {}, {}
    for metric in payload.metrics:
        if metric.name is not None:
            meaning = _Meaning(metric.name, metric.datatype, metric.unit)
            device.names[metric.name] = meaning
            if metric.alias is not None:
                device.aliases[metric.alias] = meaning
    held, device.held = device.held, deque()
    device.is_trusted = True
    for metric, at_ms, meant in held:
        now = device.aliases.get(metric.alias or 0)
        if meant is None or now is None or now.name != meant.name:
            yield _untrusted(source, metric)
        else:
            yield _said(metric, now, at_ms, source)


def _spoken(device: _Device, payload: Payload, source: str) -> Iterator[Statement | Refused | None]:
    for metric in payload.metrics:
        at_ms = metric.at_ms if metric.at_ms is not None else payload.at_ms
        if metric.name is not None:
            meaning = device.names.get(metric.name, _Meaning(metric.name, None, None))
            yield _said(metric, meaning, at_ms, source)
        elif metric.alias is None:
            yield Refused(f"{source}: a metric without name and alias", shown(metric.value))
        else:
            known = device.aliases.get(metric.alias)
            if device.is_trusted and known is not None:
                yield _said(metric, known, at_ms, source)
                continue
            device.held.append(_Held(metric, at_ms, known))
            if len(device.held) > _MOST_HELD:
                yield _untrusted(source, device.held.popleft().metric)


def _untrusted(source: str, metric: Metric) -> Refused:
    return Refused(
        f"{source}: what alias {metric.alias} means is not known: the birth that says so did not come",
        shown(metric.value),
    )


def _said(metric: Metric, meaning: _Meaning, at_ms: int | None, source: str) -> Statement | Refused | None:
    """What a metric says; none if it is no quantity but a means of the protocol."""
    name = meaning.name
    if name == _BIRTH_AND_DEATH or name.startswith(_CONTROLS):
        return None
    try:
        value = metric.reading(meaning.datatype)
    except ForeignError as exc:
        return Refused(f"{source} {name}: {exc}", shown(metric.value))
    quality = Quality.SENTINEL if value is None and metric.quality.is_good else metric.quality
    return Statement(source, name, value, quality, at_ms, metric.unit or meaning.unit)
