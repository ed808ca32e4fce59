"""What is left of a district when all that its findings are about is taken out.

The other files are held against it, so that a mistake in devices.yaml hides none in rules.yaml.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from district.compile import compile_district
from district.devices import DevicesFile
from district.document import Document
from district.findings import Finding
from district.inventory import District


def sound_rest(devices: Document, findings: Iterable[Finding], folder: Path) -> District | None:
    """The district without its areas and without the entries that are amiss, or that need one of those.

    None when what is amiss belongs to the whole district, or nothing is left.
    """
    amiss = {tuple(each.key.split(".")[:2]) for each in findings if each.place.file == devices.file}
    rest = {block: _without(entries, block, amiss) for block, entries in devices.data.items()}
    rows = rest.get("devices")
    rest["devices"] = [row for row in rows if _stands(row, rest)] if isinstance(rows, list) else []
    try:
        return compile_district(DevicesFile.model_validate(rest), None, folder)
    except ValidationError:
        return None


def _without(entries: Any, block: str, amiss: Collection[tuple[str, ...]]) -> Any:
    if isinstance(entries, Mapping):
        return {name: entry for name, entry in entries.items() if (block, str(name)) not in amiss}
    if isinstance(entries, list):
        return [entry for place, entry in enumerate(entries) if (block, str(place)) not in amiss]
    return entries


def _stands(row: Any, rest: Mapping[str, Any]) -> bool:
    """Whether all that a device names is left."""
    if not isinstance(row, Mapping):
        return False
    gateway = _entry(rest.get("gateways"), row.get("gateway"))
    return (
        _entry(rest.get("sites"), row.get("site")) is not None
        and _entry(rest.get("profiles"), row.get("use")) is not None
        and isinstance(gateway, Mapping)
        and _entry(gateway.get("buses"), row.get("bus")) is not None
    )


def _entry(block: Any, name: Any) -> Any:
    """What a block says of a name; none if it is no block, or the name no name."""
    return block.get(name) if isinstance(block, Mapping) and isinstance(name, str) else None
