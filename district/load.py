"""Reading a district: all its mistakes at once, or the inventory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from district.areas import AreasFile
from district.compile import compile_district
from district.devices import DevicesFile
from district.document import Document, Model, parse, read_document
from district.findings import Finding, InvalidFileError
from district.inventory import District

DEVICES = "devices.yaml"
AREAS = "areas.geojson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of a district's files: the inventory if there are no findings."""

    district: District | None
    documents: Mapping[str, Document]  # by file name, those that could be read
    findings: list[Finding]


def check_district(folder: Path, *, areas: bool = True) -> Checked:
    """Read devices.yaml and, with ``areas``, areas.geojson; every mistake is a finding."""
    documents: dict[str, Document] = {}
    findings: list[Finding] = []

    def read(name: str, model: type[Model]) -> Model | None:
        try:
            documents[name] = read_document(folder / name)
        except InvalidFileError as exc:
            findings.extend(exc.findings)
            return None
        spec, mistakes = parse(documents[name], model)
        findings.extend(mistakes)
        return spec

    devices_spec = read(DEVICES, DevicesFile)
    areas_spec = read(AREAS, AreasFile) if areas else None
    district = compile_district(devices_spec, areas_spec, folder) if devices_spec and not findings else None
    return Checked(district=district, documents=documents, findings=findings)


def load_district(folder: Path, *, areas: bool = True) -> District:
    """The district in ``folder``.

    Raises:
        InvalidFileError: A file has mistakes; it carries all of them.
    """
    checked = check_district(folder, areas=areas)
    if checked.district is None:
        raise InvalidFileError(checked.findings)
    return checked.district
