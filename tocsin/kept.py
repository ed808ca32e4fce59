"""What a district's files compile to, kept beside the state until a file, or the product, changes.

Reading a large district with the place of every word takes half a minute; what it compiles to, a second.
A kept file is taken only if it is ours and nobody else may write it.
"""

import gc
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from stat import S_IWGRP, S_IWOTH
from tempfile import NamedTemporaryFile
from typing import TypeVar

_MEANING = ("district", "rules")  # packages that say what the files mean
_Kept = TypeVar("_Kept")


def kept(
    kind: type[_Kept], folder: Path, names: Sequence[str], state: Path, read: Callable[[], _Kept]
) -> _Kept:
    """What some files of a district compile to; ``read`` makes it where it is not kept, and may raise."""
    key = _key(folder, names)
    path = state / f"{'-'.join(name.partition('.')[0] for name in names)}.bin"
    found = _read(path, key)
    if isinstance(found, kind):
        return found
    made = read()
    _write(path, key, made)
    return made


def _key(folder: Path, names: Sequence[str]) -> bytes:
    """A name of the files' content and of what it means to this product."""
    digest = sha256(_meaning().encode())
    digest.update(f"{folder}\n{folder.resolve()}\n".encode())  # paths in the files are relative to it
    for name in names:
        with suppress(OSError):
            content = (folder / name).read_bytes()
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.digest()


@cache
def _meaning() -> str:
    """A name of the product's code, which a version alone is not while it is being worked on."""
    stamps = [version("tocsin"), sys.version]
    for package in _MEANING:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations if spec is not None else None) or ():
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix in {".py", ".yaml"}:
                    status = path.stat()
                    stamps.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(stamps)


def _read(path: Path, key: bytes) -> object:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & (S_IWGRP | S_IWOTH):
                return None
            if file.read(len(key)) != key:
                return None
            gc.disable()  # nothing of what is being made is garbage, nor will it be
            try:
                return pickle.load(file)  # noqa: S301  (ours, and nobody else may write it)
            finally:
                gc.freeze()
                gc.enable()
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError):
        return None


def _write(path: Path, key: bytes, made: object) -> None:
    """Put the compiled files in their place at once; without room for them nothing is lost but time."""
    with suppress(OSError), NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(key)
            pickle.dump(made, file, protocol=pickle.HIGHEST_PROTOCOL)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
