"""Every mistake in a district's four files at once, across files too."""

from pathlib import Path

from alerting.load import check_contacts
from district.findings import Finding
from district.load import check_district
from rules.load import check_rules


def check(folder: Path) -> list[Finding]:
    """All findings of the district in ``folder``; an empty list means it may be run.

    A file with mistakes of its own is still checked against the others as far as it could be read.
    """
    checked = check_district(folder)
    rules = check_rules(folder, checked)
    contacts = check_contacts(folder, checked, rules.rulebook)
    return [*checked.findings, *rules.findings, *contacts.findings]
