"""Reading contacts.yaml: all its mistakes at once, across files too, or the contacts."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from alerting.check import check_names, check_reach
from alerting.contacts import Contacts, ContactsFile
from district.document import Document, parse, read_document
from district.findings import Finding, InvalidFileError
from district.inventory import District
from district.load import Checked
from rules.rulebook import Rulebook

CONTACTS = "contacts.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedContacts:
    """What became of contacts.yaml: the contacts if there are no findings."""

    contacts: Contacts | None
    document: Document | None
    findings: list[Finding]


def check_contacts(folder: Path, checked: Checked, rulebook: Rulebook | None = None) -> CheckedContacts:
    """Read contacts.yaml and hold it against the district and its rules; every mistake is a finding.

    Without an inventory only the file itself and the names in it are checked; without rules, not whether
    every warning that they may raise reaches somebody.
    """
    try:
        document = read_document(folder / CONTACTS)
    except InvalidFileError as exc:
        return CheckedContacts(contacts=None, document=None, findings=list(exc.findings))
    return _hold_against(document, checked.known.areas, checked.district, rulebook)


def load_contacts(folder: Path, district: District, rulebook: Rulebook | None = None) -> Contacts:
    """The contacts in ``folder`` for its district.

    Raises:
        InvalidFileError: The file has mistakes; it carries all of them.
    """
    document = read_document(folder / CONTACTS)
    checked = _hold_against(document, district.areas, district, rulebook)
    if checked.contacts is None:
        raise InvalidFileError(checked.findings)
    return checked.contacts


def _hold_against(
    document: Document, areas: Collection[str] | None, district: District | None, rulebook: Rulebook | None
) -> CheckedContacts:
    spec, findings = parse(document, ContactsFile)
    places = {finding.place for finding in findings}
    findings += [finding for finding in check_names(document, areas) if finding.place not in places]
    if spec is not None and district is not None and not findings:  # who is reached shows once all names hold
        findings = check_reach(spec, document, district, rulebook)
    contacts = spec if district is not None and not findings else None
    return CheckedContacts(contacts=contacts, document=document, findings=findings)
