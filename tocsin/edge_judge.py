"""The judge on a gateway: the plain engine, over the rules that a gateway may act upon."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from district.findings import InvalidFileError
from district.inventory import District
from edge.alone import Danger
from rules.load import RULES, load_rules
from rules.plain import Engine
from rules.rulebook import Rulebook
from rules.transition import Level, Transition
from transport.batch import Batch

log = structlog.get_logger(__name__)


class EdgeJudge:
    """How things stand by the rules with ``at: edge``, as one gateway sees them."""

    def __init__(self, rulebook: Rulebook, now_ms: Callable[[], int]) -> None:
        self._engine = Engine(rulebook)
        self._now_ms = now_ms
        self._standing: dict[tuple[str, str], tuple[Transition, int]] = {}  # with its episode's beginning

    def take(self, batch: Batch) -> None:
        """Judge what was read."""
        for announced in self._engine.take(batch, self._now_ms()):
            change = announced.transition
            if change.to is Level.NORMAL:
                self._standing.pop((change.rule, change.subject), None)
            else:
                _, since_ms = self._standing.get((change.rule, change.subject), (change, change.at_ms))
                self._standing[change.rule, change.subject] = change, since_ms

    def dangers(self) -> list[Danger]:
        """The alarms that stand."""
        return [
            Danger(change.rule, change.subject, change.to.name.lower(), change.value, since_ms)
            for change, since_ms in self._standing.values()
        ]


def edge_judge(folder: Path, district: District, gateway: str, now_ms: Callable[[], int]) -> EdgeJudge | None:
    """The judge of a gateway; none where rules.yaml is not there, or asks it for nothing."""
    if not (folder / RULES).exists():
        return None
    try:
        rulebook = load_rules(folder, district)
    except InvalidFileError as exc:
        log.warning("rules-unused", reason=str(exc), consequence="the gateway does not act by itself")
        return None
    own = {device.id for device in district.gateway_devices(gateway)}
    asked = [
        watch for watch in rulebook.watches if rulebook.rules[watch.rule].at_edge and watch.device in own
    ]
    judged = [watch for watch in asked if {name.partition(":")[0] for name in watch.references} <= own]
    for watch in asked:
        if watch not in judged:
            log.warning(
                "rule-not-judged-here",
                rule=watch.rule,
                subject=watch.subject,
                reason="its reference is elsewhere",
            )
    if not judged:
        return None
    return EdgeJudge(replace(rulebook, watches=tuple(judged), silences=(), combinations=()), now_ms)
