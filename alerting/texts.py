"""What a message says: headline, description and instruction, each in both languages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerting.channels.channel import Texts
from alerting.contacts import Contacts
from alerting.figures import clock
from alerting.instruments import UNRELIABLE, by_hand, fault_of, name_of
from alerting.phrases import LEVELS, hazard_of
from alerting.readings import tell_reading, tell_return, tell_silence, tell_since
from alerting.standing import Standing, Where
from alerting.threads import MessageKind, Telling, Thread
from district.fields import Names
from district.findings import Language, Text
from district.inventory import District, Point
from rules.transition import Cause, Level, Transition

_LONGEST_HEADLINE = 139  # characters; CAP 1.2 asks for fewer than 140 in its notes for implementers
_EQUIPMENT = "equipment"

_HEADLINES: Mapping[MessageKind, Text] = {
    MessageKind.ALERT: Text("{level} {event} warning: {place}", "{place}发布{event}{level}预警"),
    MessageKind.UPDATE: Text("{level} {event} warning updated: {place}", "{place}{event}预警变更为{level}"),
    MessageKind.SUPPLEMENT: Text(
        "Late report, {event} had reached {level}: {place}", "补报：{place}{event}曾达{level}级别"
    ),
    MessageKind.NOTICE: Text(
        "Limits changed, {event} now counts as {level}: {place}", "阈值调整：{place}{event}现判为{level}"
    ),
}
_BESIDE_STORY: Mapping[MessageKind, Text] = {
    MessageKind.SUPPLEMENT: Text(
        "Find out what has happened at the place meanwhile; go on as the newest warning says.",
        "核实该期间现场情况，并按最新预警继续处置。",
    ),
    MessageKind.NOTICE: Text(
        "Check that the new limit is meant; go on as the newest warning says.",
        "请核实阈值调整是否正确，并按最新预警继续处置。",
    ),
}
_NOT_ALL_CLEAR = Text("A changed limit is no all-clear.", "阈值调整不等于解除预警。")
_UNCERTAIN = Text("To be verified: ", "【待核实】")
_UNCERTAIN_WHY = Text("The reading is uncertain and yet to be verified.", "该读数存疑，待核实。")
_UNSEEN = Text("{causes}: the danger may be growing unseen.", "{causes}，险情可能正在发展而无法看到。")
_ASK = Text("Reply {code} to confirm.", "收到请回复{code}。")
_ASK_BY_LINK = Text("Reply {code} or open {link} to confirm.", "收到请回复{code}，或打开 {link} 。")
_SOME_ALARM = Text("It matters because an alarm is active here or along the water", "该处或其上下游正有告警")


@dataclass(frozen=True, slots=True)
class Author:
    """Writes the words of one district's messages."""

    district: District
    contacts: Contacts
    rules: Mapping[str, Names] = field(default_factory=dict)  # what people call them

    def write(
        self, thread: Thread, telling: Telling, sent: datetime, beside: Sequence[Standing] = ()
    ) -> Mapping[Language, Texts]:
        """The message's words.

        Args:
            thread: The story, without this message.
            telling: What is to be told.
            sent: When; times are told in its zone.
            beside: The other warnings that stand there, the gravest first.
        """
        standing = _still(telling, beside)
        headline = self._headline(thread.hazard, telling, standing)
        description = self._describe(thread, telling, sent, beside, standing)
        instruction = self._instruct(thread.hazard, telling, stands=bool(standing))
        return {
            language: Texts(
                headline=headline.in_language(language),
                description=description.in_language(language),
                instruction=instruction.in_language(language),
            )
            for language in ("zh", "en")
        }

    def place(self, sites: Iterable[str], otherwise: str) -> Text:
        """Sites by name."""
        known = [self.district.sites[site].name for site in sites if site in self.district.sites]
        if not known:
            return Text(otherwise, otherwise)
        return Text(", ".join(name.en for name in known), "、".join(name.zh for name in known))

    def _headline(self, hazard: str, telling: Telling, standing: Sequence[Standing]) -> Text:
        words, level = hazard_of(hazard), LEVELS[telling.level]
        place = self.place(telling.sites, telling.trigger.site)
        form = words.over if telling.kind is MessageKind.ALL_CLEAR else _HEADLINES[telling.kind]
        text = Text(
            _capital(form.en.format(level=level.en, event=words.name.en.lower(), place=place.en)),
            form.zh.format(level=level.zh, event=words.name.zh, place=place.zh),
        )
        if telling.trigger.uncertain:
            text = Text(_UNCERTAIN.en + text.en, _UNCERTAIN.zh + text.zh)
        for one in standing[:1]:
            name = self._name(one)
            text = Text(_add(text.en, f"; {name.en} still stands"), _add(text.zh, f"；{name.zh}仍然有效"))
        return Text(text.en[:_LONGEST_HEADLINE], text.zh[:_LONGEST_HEADLINE])

    def _describe(
        self,
        thread: Thread,
        telling: Telling,
        sent: datetime,
        beside: Sequence[Standing],
        standing: Sequence[Standing],
    ) -> Text:
        trigger = telling.trigger
        sentences = list(self._measured(trigger, sent))
        if telling.kind is MessageKind.UPDATE and telling.before is not telling.level:
            sentences.append(_step(telling))
        if trigger.blind:
            sentences.append(self._unseen(beside))
        if trigger.uncertain:
            sentences.append(_UNCERTAIN_WHY)
        sentences += _since(thread, telling, sent)
        if telling.kind is MessageKind.NOTICE:
            sentences.append(_NOT_ALL_CLEAR)
        for one in standing:
            name = self._name(one)
            sentences.append(Text(f"{_capital(name.en)} still stands.", f"{name.zh}仍然有效。"))
        return Text(" ".join(each.en for each in sentences), "".join(each.zh for each in sentences))

    def _measured(self, trigger: Transition, sent: datetime) -> tuple[Text, ...]:
        """What was measured, or that nothing was."""
        point = self._point(trigger)
        quantity = name_of(point.id) if point is not None else Text(trigger.point, trigger.point)
        name = self._subject(trigger)
        if trigger.cause is not Cause.SILENCE:
            rule = self.rules.get(trigger.rule)
            full = Text(f"{name.en} ({rule.en})", f"{name.zh}（{rule.zh}）") if rule else name
            return (tell_reading(trigger, full, quantity, sent),)
        if trigger.to is Level.NORMAL:
            return (tell_return(trigger, name, quantity, sent),)
        return tell_silence(trigger, name, quantity, sent)

    def _unseen(self, beside: Sequence[Standing]) -> Text:
        """Because of which alarms a silence matters."""
        names = [self._name(one) for one in beside if one.hazard != _EQUIPMENT and one.level]
        causes = _SOME_ALARM
        if names:
            causes = Text(
                f"It matters because of {' and '.join(name.en for name in names)}",
                f"{'、'.join(name.zh for name in names)}正在生效",
            )
        return Text(_UNSEEN.en.format(causes=causes.en), _UNSEEN.zh.format(causes=causes.zh))

    def _name(self, standing: Standing) -> Text:
        return standing.name(self.place(standing.sites, standing.hazard))

    def _subject(self, trigger: Transition) -> Text:
        """Whose alarm it is: a device, an area or a site."""
        district, subject = self.district, trigger.subject.partition(":")[0]
        for known in (district.devices, district.areas, district.sites):
            if subject in known:
                return Text(known[subject].name.en, known[subject].name.zh)
        return self.place((trigger.site,), trigger.subject)

    def _point(self, trigger: Transition) -> Point | None:
        subject, _, point = trigger.subject.partition(":")
        device = self.district.devices.get(subject)
        return device.points.get(point or trigger.point) if device is not None else None

    def _instruct(self, hazard: str, telling: Telling, *, stands: bool) -> Text:
        if not telling.kind.tells_story:
            return _BESIDE_STORY[telling.kind]
        known = hazard_of(hazard)
        if telling.level is Level.NORMAL:
            return known.relief_beside if stands else known.relief
        words = self.contacts.instruction(hazard, telling.level)
        if words is not None:
            return Text(words.en, words.zh)
        trigger = telling.trigger
        fault = fault_of(trigger.fault) if trigger.cause is Cause.SILENCE else UNRELIABLE
        read = by_hand(self.district.sites.get(trigger.site), self._point(trigger))
        text = known.instruction(telling.level)
        return Text(
            text.en.format(by_hand=read.en, check=fault.check.en),
            text.zh.format(by_hand=read.zh, check=fault.check.zh),
        )


def ask_for_answer(texts: Texts, language: Language, code: str, link: str = "") -> Texts:
    """The same words, and how to say that one is awake and on it: by a code, or by a link if there is one."""
    words = _ASK_BY_LINK if link else _ASK
    ask = words.in_language(language).format(code=code, link=link)
    gap = "" if language == "zh" else " "
    return texts._replace(instruction=f"{texts.instruction}{gap}{ask}")


def _still(telling: Telling, beside: Sequence[Standing]) -> list[Standing]:
    """What an all-clear must not be taken for: what stands here, or comes down the water."""
    if telling.kind is not MessageKind.ALL_CLEAR:
        return []
    return [one for one in beside if one.where is not Where.DOWNSTREAM]


def _since(thread: Thread, telling: Telling, sent: datetime) -> list[Text]:
    """Since when the value, and since when the warning: the one may be hours after the other."""
    trigger = telling.trigger
    past = trigger.cause is Cause.SILENCE or telling.kind is MessageKind.SUPPLEMENT
    value = Text("", "") if past else tell_since(trigger, sent)
    if telling.kind is not MessageKind.UPDATE or thread.opened_ms is None:
        return [Text(f"{value.en}.", f"{value.zh}。")] if value.en else []
    event, opened = hazard_of(thread.hazard).name, clock(thread.opened_ms, sent)
    story = Text(f"{event.en.lower()} warning since {opened}", f"{event.zh}预警自{opened}起生效")
    if not value.en:
        return [Text(f"{_capital(story.en)}.", f"{story.zh}。")]
    return [Text(f"{value.en}; {story.en}.", f"{value.zh}；{story.zh}。")]


def _step(telling: Telling) -> Text:
    before, level = LEVELS[telling.before], LEVELS[telling.level]
    raised = telling.level > telling.before
    return Text(
        f"{'Raised' if raised else 'Lowered'} from {before.en} to {level.en}.",
        f"由{before.zh}{'升级' if raised else '降级'}为{level.zh}。",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _add(headline: str, more: str) -> str:
    """A headline with more, if there is room for all of it; the description says it in any case."""
    return headline + more if len(headline + more) <= _LONGEST_HEADLINE else headline
