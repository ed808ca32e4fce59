"""A new district: four files that `tocsin check` accepts, to be changed line by line."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from alerting.load import CONTACTS
from district.load import AREAS, DEVICES
from rules.load import RULES
from tocsin.errors import TocsinError

_KM_A_DEGREE = 111.32
_RANKS = ("district", "town", "village", "cell")
_SHRINKS = 0.9  # each area within the one before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What has to be known of a district before anything else."""

    id: str
    zh: str
    en: str
    code: str  # of its division, by GB/T 2260
    lon: float
    lat: float
    radius_km: float
    telephone: str  # where a warning goes that finds nobody else
    port: str  # of the first bus


def write_district(folder: Path, fresh: Fresh) -> list[Path]:
    """Write the four files; what is there already is never overwritten.

    Raises:
        TocsinError: One of them is there.
    """
    texts = {DEVICES: _devices(fresh), AREAS: _areas(fresh), RULES: _RULES, CONTACTS: _contacts(fresh)}
    for name in texts:
        if (folder / name).exists():
            raise TocsinError(f"{folder / name} is there already; choose an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _names(zh: str, en: str) -> str:
    return f"{{zh: {json.dumps(zh, ensure_ascii=False)}, en: {json.dumps(en, ensure_ascii=False)}}}"


def _devices(fresh: Fresh) -> str:
    return f"""\
# What hangs where. `tocsin check` finds every mistake; `tocsin bus scan --write` adds what it finds.
version: 1

district:
  id: {fresh.id}
  name: {_names(fresh.zh, fresh.en)}
  timezone: Asia/Shanghai
  code: {json.dumps(fresh.code)}
  broker: auto # `tocsin up` starts one; with several machines: mqtts://HOST:8883
  store: {{kind: sqlite}}

gateways:
  gw-1:
    area: town-1
    buses:
      line-1: {{kind: modbus-rtu, port: {json.dumps(fresh.port)}, line: 9600-8N1, timeout: 500ms}}

profiles:
  tipping-rain:
    points:
      rain: {{table: holding, manual: 40001, type: u16, scale: 0.2, unit: mm, as: counter}}

devices:
  - id: rain-01-gauge
    site: rain-01
    gateway: gw-1
    bus: line-1
    unit: 1
    use: tipping-rain
    every: 5m

sites:
  rain-01:
    kind: weather
    area: cell-1
    name: {_names("一号雨量站", "Rain gauge 1")}
    at: [{fresh.lon:g}, {fresh.lat:g}]
"""


def _areas(fresh: Fresh) -> str:
    """Four areas, each within the one before it: true borders come from the survey office."""
    names = ((fresh.zh, fresh.en), ("一镇", "Town 1"), ("一村", "Village 1"), ("一网格", "Cell 1"))
    ids = (fresh.id, "town-1", "village-1", "cell-1")
    features = []
    for place, (rank, area, (zh, en)) in enumerate(zip(_RANKS, ids, names, strict=True)):
        high = fresh.radius_km * _SHRINKS**place / _KM_A_DEGREE
        wide = high / math.cos(math.radians(fresh.lat))
        corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
        ring = [[round(fresh.lon + x * wide, 5), round(fresh.lat + y * high, 5)] for x, y in corners]
        properties = {"id": area, "rank": rank, "parent": ids[place - 1] if place else None}
        features.append(
            {
                "type": "Feature",
                "properties": {**properties, "name": {"zh": zh, "en": en}},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    rows = ",\n".join(f"    {json.dumps(each, ensure_ascii=False)}" for each in features)
    return f'{{\n  "type": "FeatureCollection",\n  "features": [\n{rows}\n  ]\n}}\n'


_RULES = """\
# Which reading is an alarm. docs/packs says what packs watch; a river needs limits of its own.
version: 1
packs: [rainstorm@1]

rules:
  - id: silence
    name: {zh: 设备失联, en: Device silent}
    hazard: equipment
    silence: {after: 3x, level: blue}
"""


def _contacts(fresh: Fresh) -> str:
    return f"""\
# Whom warnings go to: `tocsin alerting who` shows who would be told. Other channels: docs/channels.md.
version: 1

sender:
  id: warning@{fresh.id}.example # the address of your warning centre
  name: {_names(f"{fresh.zh}预警信息发布中心", f"{fresh.en} Warning Centre")}
  industry: "110"
  unit: "001"

roles:
  duty: {{zh: 值班室, en: Duty office}}
  technician: {{zh: 运维人员, en: Technician}}

people:
  - id: duty-office
    name: {_names("值班室", "Duty office")}
    roles: [{{role: duty, area: {fresh.id}}}]
    channels: {{console: true}}
  - id: field-service
    name: {_names("运维班", "Field service")}
    roles: [{{role: technician, area: {fresh.id}}}]
    channels: {{console: true}}

routes:
  - {{levels: [blue, yellow, orange, red], to: [role:duty], via: [console]}}
  - {{levels: [blue, yellow, orange, red], hazards: [equipment], to: [role:technician], via: [console]}}

last_resort: {{telephone: {json.dumps(fresh.telephone)}}}
"""
