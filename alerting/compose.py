"""From what must be told to the CAP message that tells it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from alerting.cap import CapAlert, CapArea, CapInfo, CapReference, CapValue, LatLon, write_xml
from alerting.channels.channel import Texts, WarningMessage
from alerting.contacts import Contacts
from alerting.phrases import LEVELS, hazard_of
from alerting.standing import Standing, standing_beside
from alerting.texts import Author
from alerting.threads import Issued, MessageKind, Telling, Thread
from district.findings import Language
from district.inventory import Area, District
from rules.transition import Level
from transport.measurement import from_ms, to_ms

LANGUAGE_TAGS: Mapping[Language, str] = {"zh": "zh-CN", "en": "en-US"}
SEVERITIES: Mapping[Level, str] = {
    Level.NORMAL: "Minor",
    Level.BLUE: "Minor",
    Level.YELLOW: "Moderate",
    Level.ORANGE: "Severe",
    Level.RED: "Extreme",
}
_TO_DUTY = "duty officers 值班人员"
LEVEL_CODE = "tocsin:level"
HAZARD_CODE = "tocsin:hazard"
AREA_CODE = "tocsin:area"
DIVISION_CODE = "GB/T 2260"


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes one district's CAP messages."""

    district: District
    contacts: Contacts
    author: Author

    def instant(self, at_ms: int) -> datetime:
        """A whole second in the district's zone, no later than ``at_ms``."""
        return from_ms(at_ms - at_ms % 1000).astimezone(self.district.timezone)

    def identifier_stem(self, sent: datetime) -> str:
        """``ZZZZZZDDDUUUXX_YYYYMMDDhhmmss_``: division, industry, unit, extension, time; a number follows."""
        sender = self.contacts.sender
        return f"{self.district.code}{sender.industry}{sender.unit}{sender.extension}_{sent:%Y%m%d%H%M%S}_"

    def affected_areas(self, telling: Telling) -> tuple[str, ...]:
        """Where the warning holds."""
        return areas_of(self.district, telling.sites)

    def compose(
        self,
        thread: Thread,
        telling: Telling,
        *,
        identifier: str,
        sent: datetime,
        threads: Mapping[str, Thread],
    ) -> WarningMessage:
        """The message, complete.

        Args:
            thread: The story, which still holds only what was issued before this message.
            telling: What is to be told.
            identifier: The message's own.
            sent: When, a whole second in the district's zone.
            threads: Every story by name: what else stands is named beside an end or a blindness.
        """
        sender = self.contacts.sender
        texts = self.author.write(thread, telling, sent, self._beside(thread, telling, threads))
        referred = thread.references(to_ms(sent)) if telling.kind in _REFERRING else ()
        alert = CapAlert(
            identifier=identifier,
            sender=sender.id,
            sent=sent,
            status="Actual",
            msg_type="Update" if referred else "Alert",
            scope="Public" if telling.kind.tells_story else "Restricted",
            restriction=None if telling.kind.tells_story else _TO_DUTY,
            references=tuple(
                CapReference(sender.id, one.identifier, self.instant(one.sent_ms)) for one in referred
            ),
            incidents=thread.name,
            infos=tuple(
                self._info(thread, telling, sent, language, texts[language]) for language in LANGUAGE_TAGS
            ),
        )
        return WarningMessage(
            cap=alert, cap_xml=write_xml(alert), thread=thread.name, level=telling.level, texts=texts
        )

    def _beside(
        self, thread: Thread, telling: Telling, threads: Mapping[str, Thread]
    ) -> tuple[Standing, ...]:
        asked = telling.kind is MessageKind.ALL_CLEAR or telling.trigger.blind
        return standing_beside(self.district, threads, thread) if asked else ()

    def issued(self, message: WarningMessage) -> Issued:
        """How later messages refer to this one."""
        info = message.cap.infos[0]
        return Issued(message.identifier, to_ms(message.sent), to_ms(info.expires))

    def _info(
        self, thread: Thread, telling: Telling, sent: datetime, language: Language, texts: Texts
    ) -> CapInfo:
        hazard = hazard_of(thread.hazard)
        parameters = [
            CapValue(LEVEL_CODE, telling.level.word),
            CapValue("colour", LEVELS[telling.level].in_language(language)),
        ]
        if telling.trigger.value is not None:
            unit = telling.trigger.unit or "1"
            parameters += [CapValue("value", f"{telling.trigger.value:.6g}"), CapValue("unit", unit)]
        # absolute time: wall-clock arithmetic would be an hour wrong where a zone changes its offset
        expires = (sent.astimezone(UTC) + self.contacts.valid_for).astimezone(sent.tzinfo)
        return CapInfo(
            language=LANGUAGE_TAGS[language],
            category=hazard.category,
            event=hazard.name.in_language(language),
            response_type=_response(telling, thread.hazard),
            urgency=_urgency(telling),
            severity=SEVERITIES[telling.level],
            certainty="Possible" if telling.trigger.uncertain else "Observed",
            event_codes=(CapValue(HAZARD_CODE, thread.hazard),),
            effective=sent,
            expires=expires,
            sender_name=self._in_language(self.contacts.sender.name, language),
            headline=texts.headline,
            description=texts.description,
            instruction=texts.instruction,
            parameters=tuple(parameters),
            areas=tuple(self._area(area, language) for area in self.affected_areas(telling)),
        )

    def _area(self, area_id: str, language: Language) -> CapArea:
        chain = [self.district.areas[one] for one in reversed(self.district.area_chain(area_id))]
        names = [self._in_language(area.name, language) for area in chain]
        return CapArea(
            area_desc="".join(names) if language == "zh" else ", ".join(reversed(names)),
            polygons=(_outline(chain[-1]),),
            geocodes=(CapValue(DIVISION_CODE, self.district.code), CapValue(AREA_CODE, area_id)),
        )

    @staticmethod
    def _in_language(names: object, language: Language) -> str:
        return str(getattr(names, language))


def areas_of(district: District, sites: Iterable[str]) -> tuple[str, ...]:
    """The cells of the sites; the whole district for a site that nobody drew on the map."""
    known = district.sites
    return tuple(sorted({known[site].area if site in known else district.root_area for site in sites}))


_REFERRING = (MessageKind.UPDATE, MessageKind.ALL_CLEAR)


def _outline(area: Area) -> tuple[LatLon, ...]:
    """The outer ring as CAP wants it: latitude first. CAP knows no holes; who lives in one is told too."""
    return tuple((lat, lon) for lon, lat in area.polygon[0])


def _response(telling: Telling, hazard: str) -> str:
    if telling.kind is MessageKind.ALL_CLEAR:
        return "AllClear"
    if not telling.kind.tells_story:
        return "Assess"
    return hazard_of(hazard).response(telling.level)


def _urgency(telling: Telling) -> str:
    if telling.kind in (MessageKind.ALL_CLEAR, MessageKind.SUPPLEMENT):
        return "Past"
    return "Immediate" if telling.level >= Level.ORANGE else "Expected"
