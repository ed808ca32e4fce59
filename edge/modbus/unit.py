"""One Modbus unit: its points in few requests, each read once."""

from dataclasses import dataclass, replace
from functools import partial

from district.bus import ModbusRtuBus, ModbusTcpBus
from district.bustime import request_s
from district.inventory import Device, RegisterSource
from edge.errors import EdgeSpecError
from edge.modbus.bus import ModbusBus
from edge.modbus.framing import ReadRequest
from edge.plan import Block, Cost, Limits, RegisterPoint, plan_blocks
from edge.registers import decode_register
from transport.batch import Reading
from transport.measurement import Quality

_ILLEGAL_ADDRESS = 2
_TCP_ROUND_TRIP_S = 0.003
_TCP_VALUE_S = 2e-6  # two bytes at ten megabits a second


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPlan:
    """How one unit is asked: what it takes and what a request costs."""

    limits: Limits
    cost: Cost


def plan_of(spec: ModbusRtuBus | ModbusTcpBus) -> UnitPlan:
    """The limits and costs of the units on one bus."""
    limits = Limits(max_words=spec.max_words)
    if isinstance(spec, ModbusTcpBus):
        return UnitPlan(limits=limits, cost=lambda _, count: _TCP_ROUND_TRIP_S + count * _TCP_VALUE_S)
    return UnitPlan(limits=limits, cost=partial(request_s, spec))


class ModbusUnit:
    """Reads the points of one unit.

    Raises:
        EdgeSpecError: The device has no unit number, or a point that is no register.
    """

    def __init__(self, device: Device, bus: ModbusBus, plan: UnitPlan) -> None:
        if device.unit is None:
            raise EdgeSpecError(f"{device.id}: a Modbus device needs a unit")
        self.device = device
        self._unit = device.unit
        self._bus = bus
        self._plan = plan
        self._points = [
            RegisterPoint(point=point, source=point.source)
            for point in device.points.values()
            if isinstance(point.source, RegisterSource)
        ]
        if len(self._points) != len(device.points):
            raise EdgeSpecError(f"{device.id}: a Modbus device has points that are no registers")
        self.blocks = plan_blocks(self._points, plan.limits, plan.cost)

    async def read(self, block: Block) -> Reading:
        """Ask for one block and decode it.

        Raises:
            ReadError: No answer, or none that can be believed.
            RefusedError: The unit answered with an exception.
            LinkDownError: The bus is away.
        """
        request = ReadRequest(
            device_id=self.device.id,
            unit=self._unit,
            table=block.table,
            address=block.address,
            count=block.count,
        )
        answer = await self._bus.read(request)
        return Reading(self.device.id, answer.at_ms, decode_block(block, answer.data))

    def split(self, block: Block, code: int) -> list[Block]:
        """What to ask from now on instead of a block that was refused: none if it cannot be helped.

        Not every unit answers for the addresses between its points.
        """
        if code != _ILLEGAL_ADDRESS or not block.has_holes:
            return []
        smaller = plan_blocks(block.points, replace(self._plan.limits, holes=False), self._plan.cost)
        at = self.blocks.index(block)
        self.blocks[at : at + 1] = smaller
        return smaller


def decode_block(block: Block, data: bytes) -> dict[str, tuple[float | None, Quality]]:
    """The points of one answer: pure."""
    values: dict[str, tuple[float | None, Quality]] = {}
    for each in block.points:
        value = decode_register(each.source, data, each.source.addr - block.address)
        values[each.point.id] = value, Quality.GOOD if value is not None else Quality.SENTINEL
    return values
