"""What a message says: headline, description and instruction, each in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alerting.channels.channel import Texts
from alerting.contacts import Contacts
from alerting.phrases import ALL_CLEAR, LEVELS, hazard_of, unit_of
from alerting.threads import MessageKind, Telling, Thread
from district.fields import Names
from district.findings import Language, Text
from district.inventory import District
from rules.transition import Cause, Level, Transition
from transport.measurement import from_ms

_HOUR_MIN = 60
_DAY_MIN = 24 * 60
_LONGEST_HEADLINE = 139  # characters; CAP 1.2 asks for fewer than 140 in its notes for implementers

_HEADLINES: Mapping[MessageKind, Text] = {
    MessageKind.ALERT: Text("{level} {event} warning: {place}", "{place}发布{event}{level}预警"),
    MessageKind.UPDATE: Text("{level} {event} warning updated: {place}", "{place}{event}预警变更为{level}"),
    MessageKind.ALL_CLEAR: Text("All clear, {event}: {place}", "{place}解除{event}预警"),
    MessageKind.SUPPLEMENT: Text(
        "Late report, {event} had reached {level}: {place}", "补报：{place}{event}曾达{level}级别"
    ),
    MessageKind.NOTICE: Text(
        "Limits changed, {event} now counts as {level}: {place}", "阈值调整：{place}{event}现判为{level}"
    ),
}
_NOT_ALL_CLEAR = Text("A changed limit is no all-clear.", "阈值调整不等于解除预警。")
_UNCERTAIN = Text("To be verified: ", "【待核实】")
_UNCERTAIN_WHY = Text("The reading is uncertain and yet to be verified.", "该读数存疑，待核实。")
_BLIND = Text(
    "Nothing is heard from it though an alarm is active here or upstream: the danger may be growing unseen.",
    "该处或其上游正有告警，却收不到监测数据，险情可能正在发展而无法看到。",
)
_ASK = Text("Reply {code} to confirm.", "收到请回复{code}。")
_SILENT = Text("Nothing is heard from it.", "目前收不到该处监测数据。")


@dataclass(frozen=True, slots=True)
class Author:
    """Writes the words of one district's messages."""

    district: District
    contacts: Contacts
    rules: Mapping[str, Names] = field(default_factory=dict)  # what people call them

    def write(self, thread: Thread, telling: Telling, sent: datetime) -> Mapping[Language, Texts]:
        """The message's words; times are in the zone of ``sent``."""
        return {language: self._write(thread, telling, sent, language) for language in ("zh", "en")}

    def _write(self, thread: Thread, telling: Telling, sent: datetime, language: Language) -> Texts:
        place = self.place(telling).in_language(language)
        headline = _HEADLINES[telling.kind].in_language(language)
        headline = headline.format(
            level=LEVELS[telling.level].in_language(language).capitalize(),
            event=_event(thread.hazard, language),
            place=place,
        )
        if telling.trigger.uncertain:
            headline = _UNCERTAIN.in_language(language) + headline
        return Texts(
            headline=headline[:_LONGEST_HEADLINE],
            description=self._describe(telling, sent, language),
            instruction=self._instruct(thread.hazard, telling).in_language(language),
        )

    def place(self, telling: Telling) -> Text:
        """The affected sites by name."""
        sites = [self.district.sites[site].name for site in telling.sites if site in self.district.sites]
        if not sites:
            return Text(telling.trigger.site, telling.trigger.site)
        return Text(", ".join(site.en for site in sites), "、".join(site.zh for site in sites))

    def _describe(self, telling: Telling, sent: datetime, language: Language) -> str:
        trigger = telling.trigger
        sentences = [self._reading(trigger, sent, language)]
        if telling.kind is MessageKind.UPDATE and telling.before is not telling.level:
            sentences.append(_step(telling, language))
        if trigger.blind or (trigger.cause is Cause.SILENCE and trigger.to > Level.NORMAL):
            sentences.append((_BLIND if trigger.blind else _SILENT).in_language(language))
            sentences += _trend(trigger, language)
        if trigger.uncertain:
            sentences.append(_UNCERTAIN_WHY.in_language(language))
        if trigger.onset_ms is not None and trigger.onset_ms < trigger.at_ms:
            since = _time(trigger.onset_ms, sent)
            sentences.append(Text(f"It began at {since}.", f"自{since}开始。").in_language(language))
        if telling.kind is MessageKind.NOTICE:
            sentences.append(_NOT_ALL_CLEAR.in_language(language))
        return ("" if language == "zh" else " ").join(sentences)

    def _reading(self, trigger: Transition, sent: datetime, language: Language) -> str:
        """What was measured, against which limit, when, and how long ago."""
        name = self._subject(trigger).in_language(language)
        at = _time(trigger.at_ms, sent)
        value = _quantity(trigger.value, trigger.unit, language)
        limit = _quantity(trigger.limit, trigger.unit, language)
        reached = trigger.to > trigger.before
        if language == "zh":
            text = f"{at}，{name}" + (f"为{value}" if value else "")
            text += f"，{'达到' if reached else '脱离'}{limit}限值" if limit else ""
            return f"{text}；{_age(trigger, sent, language)}。"
        text = f"{at}: {name}" + (f" at {value}" if value else "")
        text += f", {'limit reached' if reached else 'limit left'} {limit}" if limit else ""
        return f"{text}; {_age(trigger, sent, language)}."

    def _subject(self, trigger: Transition) -> Text:
        """What was measured, and what was judged of it."""
        device = self.district.devices.get(trigger.subject.partition(":")[0])
        site = self.district.sites.get(trigger.subject) or self.district.sites.get(trigger.site)
        known = device or site
        name = Text(known.name.en, known.name.zh) if known else Text(trigger.subject, trigger.subject)
        rule = self.rules.get(trigger.rule)
        return Text(f"{name.en} ({rule.en})", f"{name.zh}（{rule.zh}）") if rule else name

    def _instruct(self, hazard: str, telling: Telling) -> Text:
        if telling.level is Level.NORMAL:
            return ALL_CLEAR
        words = self.contacts.instruction(hazard, telling.level)
        return Text(words.en, words.zh) if words is not None else hazard_of(hazard).instruction(telling.level)


def ask_for_answer(texts: Texts, language: Language, code: str) -> Texts:
    """The same words, and how to say that one is awake and on it."""
    ask = _ASK.in_language(language).format(code=code)
    gap = "" if language == "zh" else " "
    return texts._replace(instruction=f"{texts.instruction}{gap}{ask}")


def _event(hazard: str, language: Language) -> str:
    name = hazard_of(hazard).name.in_language(language)
    return name if language == "zh" else name.lower()


def _step(telling: Telling, language: Language) -> str:
    before, level = LEVELS[telling.before], LEVELS[telling.level]
    raised = telling.level > telling.before
    return Text(
        f"{'Raised' if raised else 'Lowered'} from {before.en} to {level.en}.",
        f"由{before.zh}{'升级' if raised else '降级'}为{level.zh}。",
    ).in_language(language)


def _quantity(value: float | None, unit: str, language: Language) -> str:
    """A value with its unit, to the four figures that instruments of the field give."""
    if value is None:
        return ""
    words = unit_of(unit).in_language(language)
    gap = " " if words and words != "%" and language == "en" else ""
    return f"{round(value, 3):.6g}{gap}{words}"


def _trend(trigger: Transition, language: Language) -> list[str]:
    """Where the value was going when it was last heard of."""
    if trigger.trend is None:
        return []
    moved = _quantity(abs(trigger.trend), trigger.unit, language)
    rising = trigger.trend > 0
    text = Text(
        f"When last heard it had {'risen' if rising else 'fallen'} by {moved} within the hour.",
        f"失联前一小时{'上升' if rising else '下降'}{moved}。",
    )
    steady = Text("When last heard it was steady.", "失联前数值平稳。")
    return [(text if trigger.trend else steady).in_language(language)]


def _age(trigger: Transition, sent: datetime, language: Language) -> str:
    """How old the newest value is."""
    newest_ms = trigger.sampled_ms if trigger.sampled_ms is not None else trigger.at_ms
    age = _span(max(0, round((sent - from_ms(newest_ms)).total_seconds() / 60)))
    newest = _time(newest_ms, sent)
    return Text(f"newest value {age.en} old ({newest})", f"最新数据为{age.zh}前（{newest}）").in_language(
        language
    )


def _span(minutes: int) -> Text:
    """A duration in units that tell something."""
    if minutes < 2 * _HOUR_MIN:
        return Text(f"{minutes} min", f"{minutes}分钟")
    if minutes < 2 * _DAY_MIN:
        hours, rest = divmod(minutes, _HOUR_MIN)
        return Text(f"{hours} h {rest} min", f"{hours}小时{rest}分钟")
    return Text(f"{minutes // _DAY_MIN} days", f"{minutes // _DAY_MIN}天")


def _time(at_ms: int, sent: datetime) -> str:
    """An instant in the district's time; the day too unless it is the message's own."""
    instant = from_ms(at_ms).astimezone(sent.tzinfo)
    return instant.strftime("%H:%M" if instant.date() == sent.date() else "%Y-%m-%d %H:%M")
