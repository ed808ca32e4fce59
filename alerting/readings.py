"""Sentences about what was measured: a value at its own time and the limit that it passed, or none at all."""

from datetime import datetime

from alerting.figures import at, clock, figure, last, quantity, window
from alerting.instruments import fault_of
from alerting.phrases import LEVELS
from district.findings import Text
from rules.transition import Measured, Transition

_NOTHING = Text("", "")


def tell_reading(trigger: Transition, name: Text, measured: Text, sent: datetime) -> Text:
    """What was measured, when, and which limit it passed.

    Args:
        trigger: The change of level.
        name: What was judged, and by which rule.
        measured: The quantity; empty where there is none.
        sent: When the message goes; its zone is that of all times told.
    """
    when = at(_measured_ms(trigger), sent)
    if trigger.value is None:
        said, passed = _conditions(trigger), _NOTHING
    else:
        said, passed = _say(trigger, measured, trigger.value), _passed(trigger)
    return Text(
        f"{when.en}, {name.en}: {said.en}{'; ' * bool(passed.en)}{passed.en}.",
        f"{when.zh}，{name.zh}：{said.zh}{'，' * bool(passed.zh)}{passed.zh}。",
    )


def tell_since(trigger: Transition, sent: datetime) -> Text:
    """Since when the value has been beyond the limit, to begin a sentence with; empty if only now."""
    onset_ms, value, limit = trigger.onset_ms, trigger.value, trigger.limit
    if onset_ms is None or trigger.to < trigger.before or onset_ms >= _measured_ms(trigger):
        return _NOTHING
    since = clock(onset_ms, sent)
    if value is None or limit is None:
        return Text(f"So since {since}", f"自{since}起如此")
    beyond = _bound(trigger, limit)
    if value == limit:
        return Text(f"At {beyond.en} since {since}", f"自{since}起达到{beyond.zh}")
    above = value > limit
    return Text(
        f"{'Above' if above else 'Below'} {beyond.en} since {since}",
        f"自{since}起{'高于' if above else '低于'}{beyond.zh}",
    )


def tell_silence(trigger: Transition, name: Text, measured: Text, sent: datetime) -> tuple[Text, Text]:
    """Since when there is no value and what the last one was, and why as far as is known."""
    said = fault_of(trigger.fault).said
    gap = " " if measured.en else ""
    if trigger.sampled_ms is None:
        return (
            Text(
                f"{name.en}: no usable {measured.en}{gap}reading has come yet.",
                f"{name.zh}：尚未收到可用的{measured.zh}读数。",
            ),
            said,
        )
    when = at(trigger.sampled_ms, sent)
    value = _last_value(trigger)
    return (
        Text(
            f"{name.en}: no usable {measured.en}{gap}reading since {when.en}{value.en}.",
            f"{name.zh}：{when.zh}之后没有可用的{measured.zh}读数{value.zh}。",
        ),
        said,
    )


def tell_return(trigger: Transition, name: Text, measured: Text, sent: datetime) -> Text:
    """That there are values again, and the newest of them."""
    since = Text("", "")
    if trigger.onset_ms is not None:
        begun = clock(trigger.onset_ms, sent)
        since = Text(f" since {begun}", f"自{begun}起")
    newest = _NOTHING
    if trigger.value is not None:
        value, when = quantity(trigger.value, trigger.unit), at(_measured_ms(trigger), sent)
        newest = Text(f": {measured.en} {value.en} at {when.en}", f"：{when.zh}{measured.zh}{value.zh}")
    return Text(
        f"{name.en} gives readings again{since.en}{newest.en}.", f"{name.zh}{since.zh}恢复监测{newest.zh}。"
    )


def _measured_ms(trigger: Transition) -> int:
    """When the value was measured, which is not when it was missed, or judged late."""
    return trigger.sampled_ms if trigger.sampled_ms is not None else trigger.at_ms


def _conditions(trigger: Transition) -> Text:
    """Of an alarm that judges no value of its own."""
    if trigger.to > trigger.before:
        level = LEVELS[trigger.to]
        return Text(f"what makes it {level.en} has come together", f"满足{level.zh}级别的条件")
    level = LEVELS[trigger.before]
    return Text(f"what made it {level.en} holds no longer", f"不再满足{level.zh}级别的条件")


def _say(trigger: Transition, measured: Text, value: float) -> Text:
    """The value, as what it is."""
    words = quantity(value, trigger.unit)
    over = last(trigger.over_ms) if trigger.over_ms else _NOTHING
    match trigger.measured:
        case Measured.CHANGE:
            return _moved(trigger, measured, value, over)
        case Measured.SUM:
            return Text(f"{measured.en} {words.en} in {over.en}", f"{over.zh}{measured.zh}{words.zh}")
        case Measured.FAULTS:
            return Text(
                f"{words.en} of its {measured.en} readings in {over.en} were unusable",
                f"{over.zh}的{measured.zh}读数有{words.zh}不可用",
            )
        case Measured.STILL:
            return Text(f"{measured.en} has not moved for {words.en}", f"{measured.zh}已{words.zh}没有变化")
        case Measured.VALUE | Measured.OTHER:
            gap = " " if measured.en else ""
            return Text(f"{measured.en}{gap}{words.en}", f"{measured.zh}{words.zh}")


def _moved(trigger: Transition, measured: Text, value: float, over: Text) -> Text:
    """A change, and where it has led."""
    unit = _unit_moved(trigger)
    if figure(abs(value)) == "0":
        text = Text(f"{measured.en} did not move in {over.en}", f"{measured.zh}{over.zh}没有变化")
    else:
        far, up = quantity(abs(value), unit), value > 0
        text = Text(
            f"{measured.en} {'rose' if up else 'fell'} by {far.en} in {over.en}",
            f"{measured.zh}{over.zh}{'上升' if up else '下降'}{far.zh}",
        )
    if trigger.reading is None:
        return text
    now = quantity(trigger.reading, unit)
    return Text(f"{text.en}, to {now.en}", f"{text.zh}，现为{now.zh}")


def _passed(trigger: Transition) -> Text:
    """The limit reached, or where the level left ends; nothing of a value that is still beyond it."""
    if trigger.to > trigger.before:
        if trigger.limit is None:
            return _NOTHING
        limit, level = _bound(trigger, trigger.limit), LEVELS[trigger.to]
        return Text(f"the {level.en} limit of {limit.en} is reached", f"达到{level.zh}限值（{limit.zh}）")
    if trigger.cleared is None or trigger.value is None or trigger.value == trigger.cleared:
        return _NOTHING
    end, level, below = (
        _bound(trigger, trigger.cleared),
        LEVELS[trigger.before],
        trigger.value < trigger.cleared,
    )
    return Text(
        f"{'below' if below else 'above'} {end.en}, where the {level.en} level ends",
        f"已{'低于' if below else '高于'}{level.zh}解除值（{end.zh}）",
    )


def _bound(trigger: Transition, bound: float) -> Text:
    """A limit, with the window over which it counts."""
    changes = trigger.measured is Measured.CHANGE
    words = quantity(bound, _unit_moved(trigger) if changes else trigger.unit)
    if trigger.over_ms is None or trigger.measured not in {Measured.CHANGE, Measured.SUM}:
        return words
    over = window(trigger.over_ms)
    return Text(f"{words.en} in {over.en}", f"{over.zh}{words.zh}")


def _unit_moved(trigger: Transition) -> str:
    """The unit of what moves: a change is given in it by its window, as in ``m/h``."""
    return trigger.unit.rpartition("/")[0] or trigger.unit


def _last_value(trigger: Transition) -> Text:
    """The end of a sentence that told when it was measured."""
    if trigger.value is None:
        return _NOTHING
    value, trend = quantity(trigger.value, trigger.unit), _trend(trigger)
    return Text(f"; it was then {value.en}{trend.en}", f"，当时为{value.zh}{trend.zh}")


def _trend(trigger: Transition) -> Text:
    if trigger.trend is None:
        return _NOTHING
    if figure(abs(trigger.trend)) == "0":
        return Text(" and steady", "，此前一小时平稳")
    moved, up = quantity(abs(trigger.trend), trigger.unit), trigger.trend > 0
    return Text(
        f", having {'risen' if up else 'fallen'} by {moved.en} within the hour",
        f"，此前一小时{'上升' if up else '下降'}{moved.zh}",
    )
