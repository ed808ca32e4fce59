"""An edge node of Sparkplug B whose every byte is made by the reference encoder of Eclipse Tahu."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tahutils.tahu import sparkplug_b as tahu
from tahutils.tahu.sparkplug_b import MetricDataType as Type
from tahutils.tahu.sparkplug_b_pb2 import Payload

from tests.collector.gateways import DEADLINE_S, eventually
from transport.session import Endpoint, Message, Session, Will, open_session

__all__ = ["EdgeNode", "Payload", "Type", "open_edge_node"]


class EdgeNode:
    """One node with one device.

    Its metrics are (name, type, value, properties); aliases count from 1 in their order.
    """

    def __init__(self, session: Session, name: str, device: str) -> None:
        self.rebirths = 0
        self._session = session
        self._group, self._node = name.split("/")
        self._device = device
        self.metrics: dict[str, tuple[int, Any, dict[str, Any]]] = {}
        self.aliases: dict[str, int] = {}

    def topic(self, kind: str) -> str:
        device = f"/{self._device}" if kind.startswith("D") else ""
        return f"spBv1.0/{self._group}/{kind}/{self._node}{device}"

    async def birth(self, at_ms: int) -> None:
        """Say what the node and its device have."""
        node = tahu.getNodeBirthPayload()
        tahu.addMetric(node, "Node Control/Rebirth", None, Type.Boolean, False)
        await self._send("NBIRTH", node)
        device = tahu.getDeviceBirthPayload()
        for name, (kind, value, properties) in self.metrics.items():
            metric = tahu.addMetric(device, name, self.aliases.get(name), kind, value, at_ms)
            _describe(metric, properties)
        await self._send("DBIRTH", device)

    async def data(self, name: str, value: Any, at_ms: int, **properties: Any) -> None:
        """Say one value by its alias, or by its name where it has none."""
        payload = tahu.getDdataPayload()
        _describe(self._add(payload, name, value, at_ms), properties)
        await self._send("DDATA", payload)

    async def past(self, name: str, value: Any, at_ms: int) -> None:
        """Say a value that was kept for later."""
        payload = tahu.getDdataPayload()
        self._add(payload, name, value, at_ms).is_historical = True
        await self._send("DDATA", payload)

    async def null(self, name: str, at_ms: int) -> None:
        """Say that there is no value."""
        payload = tahu.getDdataPayload()
        tahu.addNullMetric(payload, None, self.aliases[name], self.metrics[name][0], at_ms)
        await self._send("DDATA", payload)

    def lose_one(self) -> None:
        """A message that never arrives."""
        tahu.getDdataPayload()

    async def death(self) -> None:
        """What the broker says when the node is gone."""
        payload = Payload()
        tahu.addMetric(payload, "bdSeq", None, Type.Int64, tahu.bdSeq - 1)
        await self._send("NDEATH", payload)

    async def asked(self, times: int) -> None:
        """Wait until the node was asked so often for its birth."""

        async def often() -> bool:
            return self.rebirths >= times

        await eventually(often)

    def _add(self, payload: Any, name: str, value: Any, at_ms: int) -> Any:
        alias = self.aliases.get(name)
        shown = name if alias is None else None
        return tahu.addMetric(payload, shown, alias, self.metrics[name][0], value, at_ms)

    async def _send(self, kind: str, payload: Any) -> None:
        await self._session.publish(self.topic(kind), payload.SerializeToString())

    async def listen(self) -> None:
        """Take commands until cancelled."""
        while True:
            for message in await self._session.receive(most=100):
                self._take(message)

    def _take(self, message: Message) -> None:
        payload = Payload()
        payload.ParseFromString(message.payload)
        [metric] = payload.metrics
        assert (metric.name, metric.datatype, metric.boolean_value) == ("Node Control/Rebirth", 11, True)
        self.rebirths += 1


def _describe(metric: Any, properties: dict[str, Any]) -> None:
    for key, value in properties.items():
        metric.properties.keys.append(key)
        entry = metric.properties.values.add()
        if isinstance(value, str):
            entry.type, entry.string_value = Type.String, value
        else:
            entry.type, entry.int_value = Type.Int32, value


@asynccontextmanager
async def open_edge_node(broker: Endpoint, name: str, device: str) -> AsyncIterator[EdgeNode]:
    """A node that is connected; it says nothing until it is told to."""
    tahu.getNodeDeathPayload()  # each connection has a number of its own
    group, node = name.split("/")
    gone = Will(topic=f"test/{group}/{node}", alive=b"up", gone=b"down")
    async with open_session(
        broker, client_id=f"node-{node}", subscriptions=[f"spBv1.0/{group}/NCMD/{node}"], will=gone
    ) as session:
        await asyncio.wait_for(session.connected.wait(), DEADLINE_S)
        opened = EdgeNode(session, name, device)
        listening = asyncio.create_task(opened.listen())
        try:
            yield opened
        finally:
            listening.cancel()
            await asyncio.wait([listening])
