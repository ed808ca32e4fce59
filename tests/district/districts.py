"""A way to write a district that differs from the demo's in a few places."""

import shutil
from pathlib import Path

DEMO = Path(__file__).parents[2]
DEVICES, AREAS = "devices.yaml", "areas.geojson"


def changed_demo(folder: Path, *changes: tuple[str, str], file: str = DEVICES) -> Path:
    """The demo's devices and areas in ``folder``, each (old, new) text replaced once in ``file``."""
    for name in (DEVICES, AREAS):
        shutil.copy(DEMO / name, folder)
    text = (folder / file).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in the demo's {file}"
        text = text.replace(old, new)
    (folder / file).write_text(text, encoding="utf-8")
    return folder
