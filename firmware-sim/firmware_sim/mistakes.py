"""Mistakes of a scenario, and where in its file each one is written."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedBase, CommentedMap, CommentedSeq

from firmware_sim.errors import ScenarioError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong at a place of the document, and what to do."""

    path: KeyPath
    text: str
    at_key: bool = False


def guess(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a name nobody knows."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": choose from {', '.join(names)}" if names else ": define it"


def refusal(path: Path, document: CommentedMap, mistakes: Iterable[Mistake]) -> ScenarioError:
    """Return the error that says all mistakes, one a line, each at its place."""
    lines = []
    for mistake in mistakes:
        found, line, column = _place(document, mistake)
        key = ".".join(str(part) for part in found)
        lines.append((line, column, f"{path}:{line}:{column}: {key}: {mistake.text}"))
    return ScenarioError("\n".join(text for _, _, text in sorted(lines)))


def _place(document: CommentedMap, mistake: Mistake) -> tuple[KeyPath, int, int]:
    """Where the deepest part of the path that exists is written; lines and columns from 1."""
    node: Any = document
    found: list[str | int] = []
    line, column = 0, 0
    for part in mistake.path:
        if not _has(node, part):
            continue  # a union's tag, or a key that is missing
        last = part == mistake.path[-1]
        line, column = _mark(node, part, at_key=last and mistake.at_key)
        node = node[part]
        found.append(part)
    return tuple(found) or tuple(mistake.path), line + 1, column + 1


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, CommentedMap):
        return part in node
    return isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node)


def _mark(node: CommentedBase, part: str | int, *, at_key: bool) -> tuple[int, int]:
    if isinstance(node, CommentedSeq):
        line, column = node.lc.item(part)
    else:
        line, column = node.lc.key(part) if at_key else node.lc.value(part)
    return line, column
