"""The command line: results on stdout, logs on stderr; exit 0 fine, 1 findings, 2 bad usage."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.tocsin.floods import DISTRICT

FILES = {
    "devices": "devices.yaml",
    "areas": "areas.geojson",
    "rules": "rules.yaml",
    "contacts": "contacts.yaml",
}
HEAVY = {"numpy", "aiohttp", "lxml", "shapely", "influxdb_client", "cryptography", "plotext", "fastapi"}


def tocsin(*words: str, cwd: Path = DISTRICT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def district(tmp_path: Path) -> Path:
    for name in FILES.values():
        shutil.copy(DISTRICT / name, tmp_path)
    return tmp_path


def test_the_demo_district_has_no_findings() -> None:
    done = tocsin("check", "--lang", "en")

    assert (done.returncode, done.stdout) == (0, "no findings\n")


def test_mistakes_in_several_files_are_all_found_and_the_exit_code_says_so(district: Path) -> None:
    devices, rules = district / "devices.yaml", district / "rules.yaml"
    devices.write_text(devices.read_text().replace("use: river-level", "use: river-levl"))
    rules.write_text(rules.read_text().replace("clear_for: 9m", "claer_for: 9m"))

    done = tocsin("check", "--json", "-d", str(district))

    found = {(f["file"], f["suggestion"]) for f in json.loads(done.stdout)}
    assert done.returncode == 1
    assert found >= {("devices.yaml", "river-level"), ("rules.yaml", "clear_for")}


def test_a_mistake_in_the_devices_hides_none_in_the_ladders(district: Path) -> None:
    devices, rules = district / "devices.yaml", district / "rules.yaml"
    devices.write_text(devices.read_text().replace("use: tipping-rain", "use: tiping-rain", 1))
    rules.write_text(rules.read_text().replace("orange: {above: 1.2", "orange: {above: 1.7"))

    done = tocsin("check", "--json", "-d", str(district))

    assert [(f["file"], f["key"]) for f in json.loads(done.stdout)] == [
        ("devices.yaml", "devices.1.use"),
        ("rules.yaml", "rules.0.override.river-01.levels.red.above"),
    ]


def test_a_service_refuses_a_district_with_mistakes_and_shows_them(district: Path) -> None:
    rules = district / "rules.yaml"
    rules.write_text(rules.read_text().replace("hazard: gas", "hazard: gass"))

    done = tocsin("rules", "run", "-d", str(district), "--broker", "mqtt://127.0.0.1:1")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "rules.yaml:" in done.stderr
    assert "^^^^" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["edge", "--gateway", "gw-nowhere"], "no gateway 'gw-nowhere'"),
        (["edge"], "Give --gateway, one of: gw-chengdong, gw-city, gw-qingshan"),
        (["edge", "--gateway", "gw-city", "--bus", "air=/dev/x"], "gateway gw-city has no bus 'air'"),
        (["collect"], "give --broker"),
        (["history", "river-01-level", "level"], "nothing is stored"),
        (["collect", "--broker", "http://x"], "expected mqtt://HOST:PORT"),
        (["history", "river-01-levle", "level"], "did you mean 'river-01-level'"),
        (["history", "river-01-level", "levle"], "no point 'levle'; did you mean 'level'"),
    ],
)
def test_bad_usage_says_what_to_do(words: list[str], said: str, tmp_path: Path) -> None:
    done = tocsin(*words, "--state", str(tmp_path))

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_checks_the_one_file_it_has(tmp_path: Path) -> None:
    shutil.copy(DISTRICT / "devices.yaml", tmp_path)

    assert tocsin("check", "-d", str(tmp_path), "--lang", "en").stdout == "no findings\n"


def test_a_state_folder_that_is_none_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")

    done = tocsin("collect", "--state", str(tmp_path / "state"), "--broker", "mqtt://127.0.0.1:1")

    assert done.returncode == 2
    assert "check that the state folder may be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_imports_nothing_that_it_does_not_need() -> None:
    program = (
        f"import sys\nimport edge.app, tocsin.cli, tocsin.wiring\nprint(sorted({HEAVY} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=DISTRICT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_schemas_accept_the_demo_district(tmp_path: Path) -> None:
    assert tocsin("schema", str(tmp_path)).returncode == 0

    for stem, name in FILES.items():
        schema = json.loads((tmp_path / f"{stem}.schema.json").read_text())
        data = YAML(typ="safe").load((DISTRICT / name).read_text(encoding="utf-8"))
        jsonschema.validate(json.loads(json.dumps(data)), schema)


def test_the_files_name_their_schemas() -> None:
    for stem in ("devices", "rules", "contacts"):
        first = (DISTRICT / f"{stem}.yaml").read_text(encoding="utf-8").splitlines()[0]
        assert first == f"# yaml-language-server: $schema=schemas/{stem}.schema.json"
        assert (DISTRICT / "schemas" / f"{stem}.schema.json").exists()
