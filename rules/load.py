"""Reading rules.yaml: all its mistakes at once, across files too, or the rulebook."""

from dataclasses import dataclass
from pathlib import Path

from district.document import Document, parse, read_document
from district.findings import Finding, InvalidFileError
from district.inventory import District
from district.known import Known
from district.load import DEVICES, Checked
from rules.compile import compile_rules
from rules.fitting import check_fitting
from rules.names import check_names
from rules.packing import PackedDocument, unpack
from rules.rulebook import Rulebook
from rules.spec import RulesFile

RULES = "rules.yaml"

_NOTHING_TO_WATCH = frozenset({"selects-nothing", "unknown-point"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRules:
    """What became of rules.yaml: the rulebook if neither it nor the district has findings."""

    rulebook: Rulebook | None
    document: Document | None
    findings: list[Finding]


def check_rules(folder: Path, checked: Checked) -> CheckedRules:
    """Read rules.yaml and hold it against the district; every mistake is a finding.

    While the district has mistakes, the rules are held against what is sound of it.
    """
    try:
        document = read_document(folder / RULES)
    except InvalidFileError as exc:
        return CheckedRules(rulebook=None, document=None, findings=list(exc.findings))
    return _check(document, checked)


def load_rules(folder: Path, district: District) -> Rulebook:
    """The rulebook in ``folder`` for its district.

    Raises:
        InvalidFileError: The file has mistakes; it carries all of them.
    """
    return load_rules_file(folder / RULES, district)


def load_rules_file(path: Path, district: District) -> Rulebook:
    """The rulebook of any file for a district.

    Raises:
        InvalidFileError: The file has mistakes; it carries all of them.
    """
    whole = Checked(district=district, documents={}, known=_known(district), findings=[])
    checked = _check(read_document(path), whole)
    if checked.rulebook is None:
        raise InvalidFileError(checked.findings)
    return checked.rulebook


def _check(written: Document, checked: Checked) -> CheckedRules:
    document, amiss_packs = unpack(written)
    spec, findings = parse(document, RulesFile)
    findings = [*findings, *amiss_packs]
    places = {_spot(finding) for finding in findings}
    named = (each for each in check_names(document, checked.known) if not _rests(document, each))
    names = [each for each in named if _spot(each) not in places]
    findings = [*findings, *names]
    rulebook = None
    district = checked.district or checked.sound
    if spec is not None and district is not None:
        amiss = frozenset(int(each.key.split(".")[1]) for each in names)
        fitting = check_fitting(spec, district, document, checked.documents.get(DEVICES), skip=amiss)
        told = (each for each in fitting if not _rests(document, each) and _is_sure(each, checked))
        findings += {(_spot(each), each.code): each for each in told}.values()
        rulebook = compile_rules(spec, checked.district) if checked.district and not findings else None
    return CheckedRules(rulebook=rulebook, document=document, findings=findings)


def _rests(document: Document, finding: Finding) -> bool:
    """Whether a pack brought a rule that has nothing to watch here, which is no mistake."""
    table, index, key, *_ = [*finding.key.split("."), "", ""]
    if not isinstance(document, PackedDocument) or finding.code not in _NOTHING_TO_WATCH:
        return False
    return (table, key) == ("rules", "select") and int(index) >= document.first_packed


def _known(district: District) -> Known:
    devices = {**district.devices, **district.disabled}
    return Known(
        gateways=frozenset(district.gateways),
        sites=frozenset(district.sites),
        site_kinds=frozenset(site.kind for site in district.sites.values()),
        devices=frozenset(devices),
        points=frozenset(point for device in devices.values() for point in device.points),
        areas=frozenset(district.areas),
    )


def _is_sure(finding: Finding, checked: Checked) -> bool:
    """What a rule selects may be among what is amiss in the district."""
    return checked.district is not None or finding.code != "selects-nothing"


def _spot(finding: Finding) -> tuple[str, int, int]:
    """Where a finding stands: one that many subjects share is told once."""
    return finding.place.file, finding.place.line, finding.place.column
