"""What one rulebook says that another does not, in words for a log and a history."""

from collections.abc import Iterator, Mapping

from rules.ladder import Ladder, Rung
from rules.rulebook import Rulebook, Watch

_MOST = 20  # told one by one


def changes(old: Rulebook, new: Rulebook) -> list[str]:
    """A line for each rule and subject that is judged differently, or no longer, or for the first time."""
    lines = [*_of_watches(old, new), *_of_others(old, new)]
    for name in sorted({*old.seasons, *new.seasons}):
        before, after = old.seasons.get(name), new.seasons.get(name)
        if before != after:
            lines.append(f"season {name}: {before or 'none'} -> {after or 'none'}")
    return lines


def summary(lines: list[str]) -> str:
    """The lines in one, as far as anybody reads."""
    if not lines:
        return "nothing"
    more = f"; and {len(lines) - _MOST} more" if len(lines) > _MOST else ""
    return "; ".join(lines[:_MOST]) + more


def _of_watches(old: Rulebook, new: Rulebook) -> Iterator[str]:
    before, after = _by_name(old), _by_name(new)
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"{name}: no longer watched"
        elif name not in before:
            yield f"{name}: watched from now on"
        elif before[name] != after[name]:
            said = list(_of_ladders(before[name].ladders, after[name].ladders))
            yield f"{name}: {', '.join(said) or 'judged differently'}"


def _by_name(rulebook: Rulebook) -> dict[str, Watch]:
    return {f"{watch.rule} {watch.subject}": watch for watch in rulebook.watches}


def _of_ladders(old: Mapping[str, Ladder], new: Mapping[str, Ladder]) -> Iterator[str]:
    for held in sorted({*old, *new}):
        before = {rung.level: rung for rung in old[held].rungs} if held in old else {}
        after = {rung.level: rung for rung in new[held].rungs} if held in new else {}
        during = f" during {held}" if held else ""
        for level in sorted({*before, *after}):
            left, right = before.get(level), after.get(level)
            if left is None or right is None:
                yield f"{level.word}{during} {'added' if left is None else 'removed'}"
            elif left != right:
                yield f"{level.word}{during} {', '.join(_of_rungs(left, right))}"


def _of_rungs(old: Rung, new: Rung) -> Iterator[str]:
    for name in ("limit", "clear", "for_ms", "for_samples"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name} {before:g} -> {after:g}"
    if old.measure != new.measure:
        yield "measured differently"


def _of_others(old: Rulebook, new: Rulebook) -> Iterator[str]:
    before = {f"{each.rule} {each.device}": each for each in old.silences}
    after = {f"{each.rule} {each.device}": each for each in new.silences}
    yield from _of_named(before, after)
    combined = [{f"{each.rule} {each.subject}": each for each in book.combinations} for book in (old, new)]
    yield from _of_named(*combined)


def _of_named(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            what = "added" if name not in before else "removed" if name not in after else "changed"
            yield f"{name}: {what}"
