"""Which points must be read first when a bus cannot keep up: those by which somebody may be in danger."""

from pathlib import Path

import structlog

from district.findings import InvalidFileError
from district.inventory import District
from rules.load import RULES, load_rules
from rules.transition import Level

log = structlog.get_logger(__name__)


def urgent_points(folder: Path, district: District) -> frozenset[tuple[str, str]]:
    """The (device, point) pairs that feed a rule which can turn orange or red.

    A gateway without rules.yaml, or with one that cannot be used, reads all its points alike.
    """
    if not (folder / RULES).exists():
        return frozenset()
    try:
        rulebook = load_rules(folder, district)
    except InvalidFileError as exc:
        log.warning("rules-unused", reason=str(exc), consequence="no point goes first on a busy bus")
        return frozenset()
    return frozenset(
        (watch.device, watch.point)
        for watch in rulebook.watches
        if any(rung.level >= Level.ORANGE for ladder in watch.ladders.values() for rung in ladder.rungs)
    )
