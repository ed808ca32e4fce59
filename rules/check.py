"""What can be wrong with rules.yaml beside the district it is for."""

from collections.abc import Mapping

from district.document import Document
from district.findings import Finding
from district.inventory import District
from rules.spec import RulesFile


def check_across(spec: RulesFile, district: District, documents: Mapping[str, Document]) -> list[Finding]:
    """Every mistake that shows only beside the district, at its place in rules.yaml or devices.yaml."""
    return []
