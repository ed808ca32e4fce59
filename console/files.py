"""The district's files as the console shows them: read anew when somebody has changed them."""

from pathlib import Path

import structlog

from alerting.contacts import Contacts
from alerting.load import CONTACTS, load_contacts
from alerting.targeting import Directory
from district.findings import InvalidFileError
from district.inventory import District
from rules.load import RULES, load_rules
from rules.rulebook import Rulebook

log = structlog.get_logger(__name__)

_Stamp = tuple[int, int]


class Files:
    """Rules and contacts; while a file has mistakes, what it said before them holds."""

    def __init__(self, folder: Path, district: District) -> None:
        self.folder = folder
        self._district = district
        self._rules_stamp = _stamp(folder / RULES)
        self._rulebook = load_rules(folder, district)
        self._contacts_stamp = _stamp(folder / CONTACTS)
        self._contacts = load_contacts(folder, district, self._rulebook)
        self._directory = Directory(district, self._contacts)

    @property
    def rulebook(self) -> Rulebook:
        """The rules that the file says now."""
        stamp = _stamp(self.folder / RULES)
        if stamp != self._rules_stamp:
            self._rules_stamp = stamp
            try:
                self._rulebook = load_rules(self.folder, self._district)
            except InvalidFileError as exc:
                log.warning("rules-not-read", reason=str(exc))
        return self._rulebook

    @property
    def contacts(self) -> Contacts:
        """The contacts that the file says now."""
        stamp = _stamp(self.folder / CONTACTS)
        if stamp != self._contacts_stamp:
            self._contacts_stamp = stamp
            try:
                self._contacts = load_contacts(self.folder, self._district, self.rulebook)
                self._directory = Directory(self._district, self._contacts)
            except InvalidFileError as exc:
                log.warning("contacts-not-read", reason=str(exc))
        return self._contacts

    @property
    def directory(self) -> Directory:
        """Who is told, by those contacts."""
        assert self.contacts is not None  # noqa: S101  (reading them brings the directory up to date)
        return self._directory


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
