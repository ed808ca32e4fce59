"""The JSON Schemas that editors use agree with the files."""

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from district.areas import AreasFile
from district.devices import DevicesFile
from district.document import read_document
from district.fields import Duration, format_duration
from tests.district.districts import AREAS, DEMO, DEVICES

SCHEMAS: dict[str, dict[str, Any]] = {
    DEVICES: DevicesFile.model_json_schema(by_alias=True),
    AREAS: AreasFile.model_json_schema(by_alias=True),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_demo_fits_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])

    jsonschema.validate(read_document(DEMO / name).data, SCHEMAS[name])


@pytest.mark.parametrize(
    ("location", "value"),
    [
        (("district", "timezon"), "Asia/Shanghai"),
        (("devices", 0, "unit"), 0),
        (("devices", 0, "every"), "10"),
        (("gateways", "gw-city", "buses", "air-232", "line"), "9600"),
        (("profiles", "pipe-rtu", "points", "flow", "type"), "float"),
        (("sites", "Res_01"), {"kind": "river", "area": "a", "name": {"zh": "a", "en": "a"}}),
    ],
)
def test_an_editor_marks_the_mistake(location: tuple[str | int, ...], value: object) -> None:
    data = read_document(DEMO / DEVICES).data
    node = data
    for step in location[:-1]:
        node = node[step]
    node[location[-1]] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMAS[DEVICES])


@given(total_ms=st.integers(0, 10**12))
def test_durations_survive_writing(total_ms: int) -> None:
    value = timedelta(milliseconds=total_ms)

    assert TypeAdapter(Duration).validate_python(format_duration(value)) == value
