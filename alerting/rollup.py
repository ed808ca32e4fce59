"""Roll-ups: many messages to one person told as one, which names each of them."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from functools import partial

import structlog

from alerting.archive import file_roll_up, next_identifier, read_message
from alerting.cap import CapAlert, CapArea, CapInfo, CapReference, CapValue, write_xml
from alerting.channels.channel import Texts, WarningMessage
from alerting.compose import HAZARD_CODE, LANGUAGE_TAGS, LEVEL_CODE, SEVERITIES, Composer
from alerting.decide import Decider
from alerting.delivery import Delivery, Story, enqueue, held, roll
from alerting.phrases import LEVELS
from alerting.quota import ROLL_UP, Quota
from alerting.sitting import Sitting
from alerting.targeting import Target
from district.findings import Language, Text
from transport.clock import Clock
from transport.measurement import from_ms, to_ms

log = structlog.get_logger(__name__)

Held = tuple[Delivery, WarningMessage]

_EVENT = Text("Several warnings", "多项预警")
_HEADLINE = Text("{count} more warnings, the highest {level}", "另有{count}条预警，最高{level}")
_ITEM = Text("{number}. {headline} [{identifier}]", "{number}. {headline}〔{identifier}〕")
_ANSWER = Text(" (reply {code})", "（回复{code}确认）")
_INSTRUCTION = Text(
    "Look at each of them; they were held back because many came at once.",
    "请逐条查看；因短时间内预警较多，以上合并发送。",
)
_AGAIN_S = 5.0  # wall time before a disk that refuses is tried again
_LOOK_S = 1.0  # wall time between looks while something is held back and a slot is about to be free


class Roller:
    """Sends each person's roll-up when it may go."""

    def __init__(
        self, decider: Decider, composer: Composer, quota: Quota, clock: Clock, held: asyncio.Event
    ) -> None:
        self._decider = decider
        self._composer = composer
        self._quota = quota
        self._clock = clock
        self._held = held  # set when something is held back

    async def run(self) -> None:
        """Roll up until cancelled."""
        while True:
            self._held.clear()
            await self._wait()
            for person in self._quota.due(self._clock.now_ms()):
                self._quota.rolled(person)  # what is held back from here on is for the next one
                try:
                    await self._decider.decide((), partial(self._roll_up, person))
                except sqlite3.Error:
                    self._quota.hold(person, self._clock.now_ms())
                    log.exception("roll-up-not-recorded")
                    await asyncio.sleep(_AGAIN_S)

    async def _wait(self) -> None:
        due_ms = self._quota.next_ms()
        if due_ms is None:
            await self._held.wait()
            return
        left_s = self._clock.wall_s(from_ms(due_ms)) - self._clock.wall()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_LOOK_S, max(0.001, left_s))):
                await self._held.wait()

    def _roll_up(self, person: str, sitting: Sitting) -> None:
        connection = sitting.connection
        found = [(one, read_message(connection, one.identifier)) for one in held(connection, person)]
        if not found:
            return  # newer messages took the place of all
        composer = self._composer
        newest_ms = max(to_ms(message.sent) for _, message in found)
        sent = composer.instant(max(sitting.now_ms, newest_ms))
        identifier = next_identifier(connection, composer.identifier_stem(sent))
        message = compose_roll_up(composer, person, found, identifier=identifier, at_ms=to_ms(sent))
        via = tuple(dict.fromkeys(name for delivery, _ in reversed(found) for name in delivery.via))
        file_roll_up(
            connection,
            message,
            [one.identifier for one, _ in found],
            person=person,
            via=via,
            now_ms=sitting.now_ms,
        )
        for delivery, _ in found:
            roll(connection, delivery, f"in roll-up {identifier}", now_ms=sitting.now_ms)
        story = Story(identifier=identifier, lane=f"{ROLL_UP}{identifier}", episode=0, level=message.level)
        target = Target(person=person, role="told", area="", via=via)
        sitting.messages.append(message)
        sitting.queue(
            *enqueue(connection, story, [target], now_ms=sitting.now_ms, in_flight=sitting.in_flight)
        )


def compose_roll_up(
    composer: Composer, person: str, found: Sequence[Held], *, identifier: str, at_ms: int
) -> WarningMessage:
    """One message, for one person, that refers to all the messages it stands for."""
    sender = composer.contacts.sender
    sent = composer.instant(at_ms)
    level = max(message.level for _, message in found)
    texts = {language: _write(found, language) for language in LANGUAGE_TAGS}
    expires = (sent.astimezone(UTC) + composer.contacts.valid_for).astimezone(sent.tzinfo)

    def info(language: Language) -> CapInfo:
        return CapInfo(
            language=LANGUAGE_TAGS[language],
            category="Other",
            event=_EVENT.in_language(language),
            response_type="Assess",
            urgency="Expected",
            severity=SEVERITIES[level],
            certainty="Observed",
            event_codes=(CapValue(HAZARD_CODE, "several"),),
            effective=sent,
            expires=expires,
            sender_name=sender.name.zh if language == "zh" else sender.name.en,
            headline=texts[language].headline,
            description=texts[language].description,
            instruction=texts[language].instruction,
            parameters=(CapValue(LEVEL_CODE, level.word),),
            areas=_areas(found, language),
        )

    alert = CapAlert(
        identifier=identifier,
        sender=sender.id,
        sent=sent,
        status="Actual",
        msg_type="Update",
        scope="Restricted",
        restriction=person,
        references=tuple(
            dict.fromkeys(CapReference(one.cap.sender, one.identifier, one.sent) for _, one in found)
        ),
        incidents=" ".join(dict.fromkeys(message.thread for _, message in found)),
        infos=tuple(info(language) for language in LANGUAGE_TAGS),
    )
    return WarningMessage(
        cap=alert, cap_xml=write_xml(alert), thread=f"{ROLL_UP}{person}", level=level, texts=texts
    )


def _write(found: Sequence[Held], language: Language) -> Texts:
    level = LEVELS[max(message.level for _, message in found)].in_language(language)
    items = []
    for number, (delivery, message) in enumerate(found, start=1):
        item = _ITEM.in_language(language).format(
            number=number, headline=message.texts[language].headline, identifier=message.identifier
        )
        answer = _ANSWER.in_language(language).format(code=delivery.code) if delivery.code else ""
        items.append(item + answer)
    return Texts(
        headline=_HEADLINE.in_language(language).format(count=len(found), level=level),
        description="\n".join(items),
        instruction=_INSTRUCTION.in_language(language),
    )


def _areas(found: Sequence[Held], language: Language) -> tuple[CapArea, ...]:
    areas: Mapping[str, CapArea] = {
        area.area_desc: area for _, message in found for area in message.cap.info(language).areas
    }
    return tuple(areas.values())
