"""Words about instruments: what they measure, how people read the same, and what is wrong with one."""

from collections.abc import Mapping
from dataclasses import dataclass

from district.findings import Text
from district.inventory import Point, Site
from transport.measurement import Quality

_PORTABLE = Text("measure with a portable instrument", "用便携仪器测量")
_LOOK = Text("see how things stand", "查看现场情况")
_STAFF_GAUGE = Text("read the staff gauge", "读取水尺")
_CAB = Text("read the display in the cab", "查看驾驶室显示屏")
_WATER = ("reservoir", "river")
_LENGTHS = ("m", "cm", "mm")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What an instrument measures, and how people read it without the instrument."""

    name: Text
    by_hand: Text = _PORTABLE


QUANTITIES: Mapping[str, Quantity] = {  # by point
    "level": Quantity(Text("level", "水位"), _LOOK),
    "depth": Quantity(Text("water depth", "积水深度"), Text("read the depth mark", "查看水深标尺")),
    "flow": Quantity(Text("flow", "流量"), Text("read the display of the flow meter", "读取流量计表头")),
    "rain": Quantity(Text("rain", "雨量"), Text("measure the rain by hand", "人工观测雨量")),
    "pressure": Quantity(
        Text("pressure", "压力"), Text("read the pressure gauge on the pipe", "读取现场压力表")
    ),
    "ch4": Quantity(
        Text("methane", "甲烷浓度"), Text("measure with a portable gas detector", "用便携式气体检测仪测量")
    ),
    "pm25": Quantity(Text("PM2.5", "PM2.5浓度")),
    "pm10": Quantity(Text("PM10", "PM10浓度")),
    "tsp": Quantity(Text("TSP", "总悬浮颗粒物浓度")),
    "o3": Quantity(Text("ozone", "臭氧浓度")),
    "temperature": Quantity(Text("temperature", "温度")),
    "noise": Quantity(Text("noise", "噪声")),
    "moment": Quantity(Text("load moment", "起重力矩"), _CAB),
    "wind": Quantity(Text("wind", "风速"), _CAB),
}


def name_of(point: str) -> Text:
    """What people call the quantity of a point; its id if only the district knows it."""
    known = QUANTITIES.get(point)
    return known.name if known is not None else Text(point, point)


def by_hand(site: Site | None, point: Point | None) -> Text:
    """How people read what a point measures; a staff gauge stands only in water."""
    if point is None:
        return _LOOK
    if site is not None and site.kind in _WATER and point.unit in _LENGTHS and not point.counter:
        return _STAFF_GAUGE
    known = QUANTITIES.get(point.id)
    return known.by_hand if known is not None else _PORTABLE


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there are no values: what is said of it, and what a technician looks at first."""

    said: Text
    check: Text


_ANSWERS = Text(
    "Check the instrument itself: it is heard, but gives no value to rely on.",
    "检查仪器本身：通信正常，但没有可用数值。",
)

SILENT = Fault(
    Text("Nothing is heard from it.", "目前收不到它的任何数据。"),
    Text("Check power, cable and radio of the instrument.", "检查设备供电、线缆和通信。"),
)
UNRELIABLE = Fault(Text("It gives no value to rely on.", "其数值不可用。"), _ANSWERS)

FAULTS: Mapping[Quality, Fault] = {
    Quality.TIMEOUT: Fault(
        Text("It does not answer.", "仪器无应答。"),
        Text("Check power and cable of the instrument.", "检查仪器供电和线缆。"),
    ),
    Quality.CHECKSUM: Fault(
        Text("Its answers come damaged.", "其应答数据校验错误。"),
        Text("Check cable, earthing and line settings of the instrument.", "检查仪器线缆、接地和通信参数。"),
    ),
    Quality.EXCEPTION: Fault(
        Text("It answers with a fault in the place of a value.", "仪器有应答，但返回的是故障码而非数值。"),
        _ANSWERS,
    ),
    Quality.SENTINEL: Fault(Text("It says that it has no value.", "仪器报告没有有效值。"), _ANSWERS),
    Quality.FLAG: Fault(Text("It marks its own values as faulty.", "仪器自行将数据标记为异常。"), _ANSWERS),
    Quality.MAINTENANCE: Fault(
        Text(
            "Somebody is working on it: nothing watches this place meanwhile.",
            "正在检修，期间此处无人值守监测。",
        ),
        Text("Ask who is at it when it will be back.", "请向检修人员询问恢复时间。"),
    ),
    Quality.INVALID: Fault(Text("What it reads is beyond what can be.", "其读数超出可能的范围。"), _ANSWERS),
}


def fault_of(quality: Quality | None) -> Fault:
    """What is wrong with an instrument that is missed, by what came in the place of its values."""
    return SILENT if quality is None else FAULTS.get(quality, UNRELIABLE)
