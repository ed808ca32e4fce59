"""The JSON Schemas of the files that people edit, for their editors."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from alerting.contacts import ContactsFile
from district.areas import AreasFile
from district.devices import DevicesFile
from rules.spec import RulesFile

_MODELS: dict[str, type[BaseModel]] = {
    "devices": DevicesFile,
    "areas": AreasFile,
    "rules": RulesFile,
    "contacts": ContactsFile,
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each file, by the file's stem."""
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **model.model_json_schema(by_alias=True),
        }
        for name, model in _MODELS.items()
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into ``folder``; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, schema in schemas().items():
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        paths.append(path)
    return paths
