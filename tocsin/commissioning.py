"""A gateway is commissioned: everything that is on it is read, counted and cut off once, and written down."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from platform import node
from typing import Any

import msgspec

from district.inventory import Device
from edge.app import SPOOL, EdgeConfig
from tocsin.bus import bus_plans
from tocsin.check import check
from tocsin.doctor_lines import holder_of
from tocsin.errors import TocsinError
from tocsin.outage import Outage, try_outage
from tocsin.soak import Endured, soak
from tocsin.upkeep import LEVELLINGS
from tocsin.wiring import Surroundings, edge_config


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What a gateway is put through."""

    soak_s: float = 60.0
    outage_s: float = 60.0  # 0: it is not cut off
    patience_s: float = 60.0  # for the centre's acknowledgements


@dataclass(frozen=True, slots=True, kw_only=True)
class Commissioning:
    """What was seen, by whom and when."""

    by: str
    began_at: datetime
    ended_at: datetime
    host: str
    config: EdgeConfig
    devices: Sequence[Device]
    mistakes: int  # of the district's files
    plans: Sequence[Mapping[str, Any]]  # of the Modbus buses
    soak_s: float
    endured: Mapping[str, Endured]  # Modbus devices; the others report by themselves
    levellings: Mapping[str, Mapping[str, Any]]  # the last of each device that has one
    outage: Outage | None  # none: it was not asked for

    @property
    def shortcomings(self) -> list[str]:
        """What keeps the gateway from being accepted: ids of devices, and of what else failed."""
        short = [each.device for each in self.endured.values() if not each.is_well]
        if self.mistakes:
            short.insert(0, "configuration")
        if self.outage is None or not self.outage.is_passed:
            short.append("outage")
        elif unseen := [device.id for device in self.devices if device.id not in self.outage.readings]:
            short += [device for device in unseen if device not in short]
        return short

    def as_json(self) -> dict[str, Any]:
        """What machines want to know of it."""
        outage = self.outage
        return {
            "gateway": self.config.gateway,
            "by": self.by,
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "ended_at": self.ended_at.isoformat(timespec="seconds"),
            "devices": {
                name: {"asked": each.asked, "errors": dict(each.errors), "ok": each.is_well}
                for name, each in self.endured.items()
            },
            "outage": outage
            and {
                "ok": outage.is_passed,
                "epoch": outage.epoch,
                "sequences": outage.sequences,
                "readings": outage.readings,
                "arrived_after_s": outage.arrived_after_s,
                "missing": outage.missing,
            },
            "shortcomings": self.shortcomings,
        }


def commission(
    at: Surroundings,
    gateway: str | None,
    endpoints: Mapping[str, str],
    trials: Trials,
    *,
    by: str,
) -> Commissioning:
    """Read everything for a while, then run the agent and cut it off.

    Raises:
        TocsinError: The agent runs already, or there is no such gateway.
        EdgeError: The district asks for something impossible.
    """
    config = replace(edge_config(at, gateway, endpoints), folder=None, metrics=None)
    spool = config.state_dir / SPOOL
    if spool.exists() and (holder := holder_of(spool)) is not None:
        raise TocsinError(
            f"{holder} runs and owns the ports: stop it first (systemctl stop tocsin-edge@{config.gateway})"
        )
    began_at = datetime.now(UTC)
    there = config.district.gateways[config.gateway]
    devices = [each for each in config.district.gateway_devices(config.gateway) if not each.disabled]
    endured = asyncio.run(soak(there, devices, endpoints, trials.soak_s))
    outage = None
    if trials.outage_s > 0:
        outage = asyncio.run(try_outage(config, lasting_s=trials.outage_s, patience_s=trials.patience_s))
    return Commissioning(
        by=by,
        began_at=began_at,
        ended_at=datetime.now(UTC),
        host=node(),
        config=config,
        devices=devices,
        mistakes=len(check(at.district)),
        plans=bus_plans(at.district, config.gateway, None) if endured else [],
        soak_s=trials.soak_s,
        endured=endured,
        levellings=_levellings(config.state_dir / LEVELLINGS),
        outage=outage,
    )


def _levellings(path: Path) -> dict[str, Mapping[str, Any]]:
    if not path.exists():
        return {}
    rows = [msgspec.json.decode(line, type=dict[str, Any]) for line in path.read_bytes().splitlines()]
    return {row["device"]: row for row in rows}
