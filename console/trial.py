"""Rules on trial: their mistakes at their places, and what they would have said of the past."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from alerting.compose import areas_of
from alerting.targeting import Directory
from console.files import Files
from district.document import read_document
from district.findings import Finding, InvalidFileError
from district.inventory import District
from rules.backtest import History, Judged, backtest, trace
from rules.load import RULES, load_rules_file
from rules.rulebook import Rulebook
from rules.scoring import differences
from rules.transition import Level, Transition
from transport.batch import Sample

_MOST_PLOTS = 6
_MOST_POINTS = 800  # of a plot: of more, each stretch shows its lowest and highest
_MINUTE_MS = 60_000


class Trial:
    """Tries drafts; one backtest at a time, for each takes a core."""

    def __init__(self, district: District, files: Files, history: History) -> None:
        self._district = district
        self._files = files
        self._history = history
        self._turn = asyncio.Semaphore(1)

    async def check(self, text: str) -> tuple[list[Finding], dict[str, Any] | None]:
        """The mistakes of a text, and its data if it is YAML at all."""
        return await asyncio.to_thread(self._check, text)

    async def compare(self, text: str, *, since_ms: int) -> dict[str, Any]:
        """A draft against the rules in force, over the readings of the store.

        Raises:
            InvalidFileError: The draft has mistakes.
        """
        async with self._turn:
            old, new = self._files.rulebook, await asyncio.to_thread(self._load, text)
            begun = perf_counter()
            samples = await self._history.samples(new, since_ms)
            found = await asyncio.to_thread(self._judge, (old, new), samples, since_ms)
            return found | {"seconds": round(perf_counter() - begun, 2), "readings": len(samples)}

    def _check(self, text: str) -> tuple[list[Finding], dict[str, Any] | None]:
        with tempfile.TemporaryDirectory(prefix="tocsin-draft-") as folder:
            path = Path(folder) / RULES
            path.write_text(text, encoding="utf-8", newline="")
            try:
                data = read_document(path).data
            except InvalidFileError as exc:
                return list(exc.findings), None
            try:
                load_rules_file(path, self._district)
            except InvalidFileError as exc:
                return list(exc.findings), data
        return [], data

    def _load(self, text: str) -> Rulebook:
        with tempfile.TemporaryDirectory(prefix="tocsin-draft-") as folder:
            path = Path(folder) / RULES
            path.write_text(text, encoding="utf-8", newline="")
            return load_rules_file(path, self._district)

    def _judge(
        self, rulebooks: tuple[Rulebook, Rulebook], samples: Sequence[Sample], since_ms: int
    ) -> dict[str, Any]:
        told = [
            [each for each in backtest(rulebook, samples) if each.at_ms >= since_ms] for rulebook in rulebooks
        ]
        end_ms = samples[-1].at_ms if samples else since_ms
        changes = differences(told[0], told[1], end_ms)
        return {
            "from_ms": since_ms,
            "to_ms": end_ms,
            "old": self._sum_up(told[0]),
            "new": self._sum_up(told[1]),
            "differences": [
                {
                    "rule": each.rule,
                    "subject": each.subject,
                    "fired": each.fired,
                    "gone": each.gone,
                    "earlier_minutes": None if each.earlier_ms is None else each.earlier_ms / _MINUTE_MS,
                    "flaps": each.flaps,
                    "minutes": each.minutes,
                }
                for each in changes
            ],
            "names": {one.id: {"zh": one.name.zh, "en": one.name.en} for one in self._files.contacts.people},
            "plots": [
                self._plot(each.rule, each.subject, rulebooks, told, samples, since_ms)
                for each in changes[:_MOST_PLOTS]
            ],
        }

    def _sum_up(self, transitions: Sequence[Transition]) -> dict[str, Any]:
        """How often each level was raised, and how many messages to how many people that means."""
        raised = [each for each in transitions if each.to > each.before]
        people: dict[str, int] = {}
        for each in raised:
            for person in self._told(self._files.directory, each):
                people[person] = people.get(person, 0) + 1
        return {
            "raised": {level.word: sum(each.to is level for each in raised) for level in list(Level)[1:]},
            "transitions": len(transitions),
            "messages": sum(people.values()),
            "people": people,
        }

    def _told(self, directory: Directory, transition: Transition) -> list[str]:
        areas = areas_of(self._district, (transition.site,))
        targets = directory.targets(transition.hazard, transition.to, areas, blind=transition.blind)
        return [one.person for one in targets.people]

    def _plot(  # noqa: PLR0917  (one difference, seen from both sides)
        self,
        rule: str,
        subject: str,
        rulebooks: tuple[Rulebook, Rulebook],
        told: Sequence[Sequence[Transition]],
        samples: Sequence[Sample],
        since_ms: int,
    ) -> dict[str, Any]:
        plot: dict[str, Any] = {"rule": rule, "subject": subject, "at": [], "values": [], "unit": ""}
        for name, rulebook, transitions in zip(("old", "new"), rulebooks, told, strict=True):
            watch = next(
                (one for one in rulebook.watches if (one.rule, one.subject) == (rule, subject)), None
            )
            judged = trace(rulebook, watch, samples) if watch is not None else []
            plot[name] = {
                "levels": [
                    [each.at_ms, each.to.word]
                    for each in transitions
                    if (each.rule, each.subject) == (rule, subject)
                ],
                "limits": {each.level.word: each.limits[-1] for each in judged if each.limits},
            }
            if judged and watch is not None:
                plot["unit"] = watch.unit
                plot["at"], plot["values"] = _thinned(judged[0], since_ms)
        return plot


def _thinned(judged: Judged, since_ms: int) -> tuple[list[int], list[float]]:
    pairs = [pair for pair in zip(judged.at_ms, judged.values, strict=True) if pair[0] >= since_ms]
    width = max(1, len(pairs) * 2 // _MOST_POINTS)
    kept: list[tuple[int, float]] = []
    for start in range(0, len(pairs), width):
        part = pairs[start : start + width]
        kept += sorted({min(part, key=lambda pair: pair[1]), max(part, key=lambda pair: pair[1])})
    return [at_ms for at_ms, _ in kept], [round(value, 6) for _, value in kept]


def as_told(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    """Findings as pages show them."""
    return [
        {
            "code": one.code,
            "line": one.place.line,
            "column": one.place.column,
            "width": one.place.width,
            "key": one.key,
            "en": one.what.en,
            "zh": one.what.zh,
            "fix": {"en": one.remedy.en, "zh": one.remedy.zh},
            "suggestion": one.suggestion,
        }
        for one in findings
    ]
