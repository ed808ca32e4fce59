"""Reading rules.yaml: all its mistakes at once, across files too, or the rulebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from district.document import Document, parse, read_document
from district.findings import Finding, InvalidFileError
from district.inventory import District
from district.load import Checked
from rules.check import check_across
from rules.compile import compile_rules
from rules.rulebook import Rulebook
from rules.spec import RulesFile

RULES = "rules.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRules:
    """What became of rules.yaml: the rulebook if neither it nor the district has findings."""

    rulebook: Rulebook | None
    document: Document | None
    findings: list[Finding]


def check_rules(folder: Path, checked: Checked) -> CheckedRules:
    """Read rules.yaml and hold it against the district; every mistake is a finding.

    Without an inventory only the file itself and the names in it are checked.
    """
    try:
        document = read_document(folder / RULES)
    except InvalidFileError as exc:
        return CheckedRules(rulebook=None, document=None, findings=list(exc.findings))
    spec, findings = parse(document, RulesFile)
    if spec is None or checked.district is None:
        return CheckedRules(rulebook=None, document=document, findings=findings)
    return _hold_against(spec, document, checked.district, checked.documents)


def load_rules(folder: Path, district: District) -> Rulebook:
    """The rulebook in ``folder`` for its district.

    Raises:
        InvalidFileError: The file has mistakes; it carries all of them.
    """
    document = read_document(folder / RULES)
    spec, findings = parse(document, RulesFile)
    if spec is None:
        raise InvalidFileError(findings)
    checked = _hold_against(spec, document, district, {})
    if checked.rulebook is None:
        raise InvalidFileError(checked.findings)
    return checked.rulebook


def _hold_against(
    spec: RulesFile, document: Document, district: District, documents: Mapping[str, Document]
) -> CheckedRules:
    findings = check_across(spec, district, {**documents, RULES: document})
    rulebook = None if findings else compile_rules(spec, district)
    return CheckedRules(rulebook=rulebook, document=document, findings=findings)
