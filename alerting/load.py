"""Reading contacts.yaml: all its mistakes at once, across files too, or the contacts."""

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
    spec, findings = parse(document, ContactsFile)
    if spec is None:
        return CheckedContacts(contacts=None, document=document, findings=findings)
    findings += check_names(spec, document, checked.known.areas)
    if checked.district is not None and not findings:  # who is reached shows once every name means something
        findings += check_reach(spec, document, checked.district, rulebook)
    contacts = None if findings or checked.district is None else spec
    return CheckedContacts(contacts=contacts, document=document, findings=findings)


def load_contacts(folder: Path, district: District, rulebook: Rulebook | None = None) -> Contacts:
    """The contacts in ``folder`` for its district.

    Raises:
        InvalidFileError: The file has mistakes; it carries all of them.
    """
    document = read_document(folder / CONTACTS)
    spec, findings = parse(document, ContactsFile)
    if spec is not None:
        findings += check_names(spec, document, district.areas)
        findings += [] if findings else check_reach(spec, document, district, rulebook)
    if spec is None or findings:
        raise InvalidFileError(findings)
    return spec
