"""Every mistake in a district's four files at once, across files too."""

from pathlib import Path

from district.findings import Finding
from district.load import DEVICES, check_district


def check(folder: Path) -> list[Finding]:
    """All findings of the district in ``folder``; an empty list means it may be run.

    A file with mistakes of its own is still checked against the others as far as it could be read. A gateway
    has devices.yaml alone, and none of the libraries that the other files need.
    """
    if {path.name for path in folder.iterdir() if path.suffix in (".yaml", ".geojson")} == {DEVICES}:
        return check_district(folder, areas=False).findings
    from alerting.load import check_contacts
    from rules.load import check_rules

    checked = check_district(folder)
    rules = check_rules(folder, checked)
    contacts = check_contacts(folder, checked, rules.rulebook)
    return [*checked.findings, *rules.findings, *contacts.findings]
