"""Reading a district: all its mistakes at once, or the inventory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from district.areas import AreasFile
from district.compile import compile_district
from district.devices import DevicesFile
from district.document import Document, Model, parse, read_document
from district.findings import Finding, InvalidFileError
from district.fitting import check_fitting
from district.grid import check_grid, check_places
from district.inventory import District
from district.known import Known, known_ids
from district.references import check_references
from district.sound import sound_rest

DEVICES = "devices.yaml"
AREAS = "areas.geojson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of a district's files: the inventory if there are no findings."""

    district: District | None
    documents: Mapping[str, Document]  # by file name, those that could be read
    known: Known  # every id written, for checks of other files while this one has mistakes
    findings: list[Finding]
    sound: District | None = None  # while there are findings: the rest, without what they are about


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
    known = known_ids(documents.get(DEVICES), documents.get(AREAS))
    places = {_spot(finding) for finding in findings}
    findings.extend(finding for finding in _across(documents, known) if _spot(finding) not in places)
    district = compile_district(devices_spec, areas_spec, folder) if devices_spec and not findings else None
    sound = sound_rest(documents[DEVICES], findings, folder) if DEVICES in documents and findings else None
    return Checked(district=district, documents=documents, known=known, findings=findings, sound=sound)


def _across(documents: Mapping[str, Document], known: Known) -> Iterator[Finding]:
    """The mistakes between blocks and files, as far as these could be read."""
    devices, areas = documents.get(DEVICES), documents.get(AREAS)
    if devices is not None:
        yield from check_references(devices, known)
        yield from check_fitting(devices)
    if areas is not None:
        yield from check_grid(areas, known)
    if devices is not None and areas is not None:
        yield from check_places(devices, areas)


def _spot(finding: Finding) -> tuple[str, int, int]:
    """Where a finding stands: a value that is wrong by itself is not judged again beside others."""
    return finding.place.file, finding.place.line, finding.place.column


def load_district(folder: Path, *, areas: bool = True) -> District:
    """The district in ``folder``.

    Raises:
        InvalidFileError: A file has mistakes; it carries all of them.
    """
    checked = check_district(folder, areas=areas)
    if checked.district is None:
        raise InvalidFileError(checked.findings)
    return checked.district
