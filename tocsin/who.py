"""``tocsin alerting who``: whom a warning would go to, why, and by what."""

import msgspec
from rich.console import Console
from rich.table import Table

from alerting.contacts import Contacts
from alerting.errors import NoSuchRuleError
from alerting.load import load_contacts
from alerting.preview import Preview, find_subject, preview
from alerting.targeting import Directory
from district.findings import Language, Text
from district.inventory import District
from district.load import load_district
from rules.load import load_rules
from rules.transition import Level
from tocsin.errors import TocsinError
from tocsin.wiring import Surroundings

_HEADINGS = (Text("who", "人员"), Text("as", "角色"), Text("for", "责任区"), Text("by", "通道"))
_WIDENED = Text(
    "nobody holds a named role in {}: it goes to the duty office of the area around",
    "{} 无人担任指定角色：改发上级区域值班室",
)


def show_who(
    at: Surroundings, rule: str, subject: str, level: Level, language: Language, *, json: bool
) -> None:
    """Write the recipients to stdout.

    Raises:
        TocsinError: There is no such rule or subject.
        InvalidFileError: The district has mistakes.
    """
    district = load_district(at.district)
    rulebook = load_rules(at.district, district)
    contacts = load_contacts(at.district, district, rulebook)
    try:
        hazard, site = find_subject(rulebook, rule, subject)
    except NoSuchRuleError as exc:
        raise TocsinError(exc.what.in_language(language)) from exc
    found = preview(district, Directory(district, contacts), hazard=hazard, level=level, site=site)
    console = Console(soft_wrap=True)
    if json:
        console.out(_as_json(found), highlight=False)
        return
    console.print(_as_table(found, district, contacts, language))
    if found.widened:
        names = "、".join(district.areas[area].name.zh for area in found.widened)
        if language == "en":
            names = ", ".join(district.areas[area].name.en for area in found.widened)
        console.print(_WIDENED.in_language(language).format(names))


def _as_table(found: Preview, district: District, contacts: Contacts, language: Language) -> Table:
    people = {person.id: person for person in contacts.people}
    table = Table(*(heading.in_language(language) for heading in _HEADINGS), box=None, pad_edge=False)
    for target in found.people:
        names = [people[target.person].name, contacts.roles[target.role], district.areas[target.area].name]
        words = [name.zh if language == "zh" else name.en for name in names]
        table.add_row(*words, " > ".join(target.via))
    return table


def _as_json(found: Preview) -> str:
    content = msgspec.to_builtins(
        {
            "hazard": found.hazard,
            "level": found.level.word,
            "site": found.site,
            "areas": found.areas,
            "widened": found.widened,
            "people": [
                {"person": one.person, "role": one.role, "area": one.area, "via": one.via}
                for one in found.people
            ],
        }
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
