"""The verdict on CAP messages: what refuses them, and what is advised."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerting.capcheck.advice import advise
from alerting.capcheck.chain import check_chain
from alerting.capcheck.reading import Element, read_elements
from alerting.capcheck.rules import check_rules
from alerting.capcheck.structure import check_structure
from district.findings import Finding, InvalidFileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What there is to say of messages that were judged together."""

    structure: tuple[Finding, ...] = ()  # what a schema would refuse
    rules: tuple[Finding, ...] = ()  # what the standard forbids beyond it
    advice: tuple[Finding, ...] = ()  # what should be better, and refuses nothing

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Why receivers must not take it; empty if they may."""
        return (*self.structure, *self.rules)


def judge(texts: Mapping[str, bytes]) -> Verdict:
    """Judge messages by the standard, each for itself and as a chain.

    Args:
        texts: XML by the name of its file, which findings repeat.
    """
    structure: list[Finding] = []
    rules: list[Finding] = []
    advice: list[Finding] = []
    alerts: list[Element] = []
    for file, xml in texts.items():
        try:
            root = read_elements(xml, file)
        except InvalidFileError as exc:
            structure += exc.findings
            continue
        found = check_structure(root)
        structure += found
        if any(finding.code == "not-cap" for finding in found):
            continue
        alerts.append(root)
        rules += check_rules(root)
        advice += advise(root)
    rules += check_chain(alerts)
    return Verdict(structure=tuple(structure), rules=tuple(rules), advice=tuple(advice))
