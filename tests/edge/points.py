"""Points and devices for the edge's tests, with everything but the subject left ordinary."""

from datetime import timedelta
from typing import Any

from district.fields import Names
from district.inventory import CodeSource, Device, Point, RegisterSource
from district.register import WORDS, RegisterType


def register(addr: int = 0, type_: RegisterType = "u16", **changes: Any) -> RegisterSource:
    settings: dict[str, Any] = {
        "table": "coil" if type_ == "bool" and "bits" not in changes else "holding",
        "addr": addr,
        "type": type_,
        "order": "ABCD",
        "words": WORDS[type_],
        "scale": 1.0,
        "offset": 0.0,
    }
    return RegisterSource(**(settings | changes))


def point(id_: str = "level", *, source: RegisterSource | CodeSource | None = None, **changes: Any) -> Point:
    settings: dict[str, Any] = {
        "unit": "m",
        "valid": None,
        "max_step": None,
        "deadband": None,
        "heartbeat": None,
        "counter": False,
    }
    return Point(id=id_, source=source or register(type_="f32"), **(settings | changes))


def device(id_: str = "gauge", *points: Point, **changes: Any) -> Device:
    settings: dict[str, Any] = {
        "site": "dam",
        "name": Names(zh="站", en="Station"),
        "gateway": "gw",
        "bus": "line",
        "profile": "any",
        "unit": 1,
        "mn": None,
        "password_env": None,
        "accept_flags": (),
        "interval": timedelta(seconds=60),
        "datum_zero": 0.0,
        "datum_system": None,
        "at": None,
        "disabled": False,
    }
    return Device(id=id_, points={each.id: each for each in points}, **(settings | changes))


def station(mn: str = "A110000_0003", *points: Point, **changes: Any) -> Device:
    return device("air", *points, unit=None, mn=mn, **({"accept_flags": ("N",)} | changes))
