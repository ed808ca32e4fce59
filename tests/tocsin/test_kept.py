"""What a district compiles to is kept, and taken only if it is still right and safe to take."""

import json
from pathlib import Path

import pytest

from district.findings import InvalidFileError
from district.inventory import District
from tests.rules import places
from tocsin.kept import kept
from tocsin.wiring import Surroundings, district_of, rulebook_of

RULES = "version: 1\npacks: [rainstorm@1]\n"
KEPT = "state/compiled/devices-areas.bin"


@pytest.fixture
def at(tmp_path: Path) -> Surroundings:
    places.write_district(tmp_path, [places.Station("mast", "weather", {"rain": "mm"})], RULES)
    return Surroundings(district=tmp_path, state=tmp_path / "state")


def refuse() -> District:
    raise AssertionError("it was kept, yet it is made again")


def test_a_second_start_reads_what_the_first_has_compiled(at: Surroundings) -> None:
    first = district_of(at)
    rules = rulebook_of(at, first)

    names = ["devices.yaml", "areas.geojson"]
    assert kept(District, at.district, names, at.state / "compiled", refuse) == first
    assert rulebook_of(at, first) == rules


def test_an_edit_is_read(at: Surroundings) -> None:
    before = district_of(at)
    path = at.district / "devices.yaml"
    path.write_text(path.read_text().replace('"1h"', '"2h"'))
    assert district_of(at).devices["mast"].interval == 2 * before.devices["mast"].interval


def test_mistakes_are_found_every_time(at: Surroundings) -> None:
    path = at.district / "devices.yaml"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"sites": {}}))
    for _ in range(2):
        with pytest.raises(InvalidFileError):
            district_of(at)
    assert not (at.district / KEPT).exists()


@pytest.mark.parametrize("spoil", ["torn", "writable by others", "of other files"])
def test_what_cannot_be_trusted_is_made_again(at: Surroundings, spoil: str) -> None:
    first, path = district_of(at), at.district / KEPT
    content = path.read_bytes()
    if spoil == "torn":
        path.write_bytes(content[: len(content) // 2])
    elif spoil == "writable by others":
        path.chmod(0o666)
    else:
        path.write_bytes(b"x" * 32 + content[32:])
    with pytest.raises(AssertionError, match="made again"):
        kept(District, at.district, ["devices.yaml", "areas.geojson"], path.parent, refuse)
    assert district_of(at) == first
    assert path.read_bytes()[:32] == content[:32]
