"""What went wrong, for people: an error that they can mend is a message, any other keeps its traceback."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from district.findings import InvalidFileError, Language
from tocsin.findings import render_findings

_ROOMS = {"alerting", "collector", "console", "district", "edge", "rules", "tocsin", "transport"}
_STATE = "check that the state folder may be written and that its disk has room"


def explain(error: BaseException, district: Path, language: Language) -> str | None:
    """The message for an error that people can mend; none for one that only we can.

    Every error class of ours is raised on purpose, and its message says what to do.
    """
    causes = list(_leaves(error))
    messages = [_explain_one(cause, district, language) for cause in causes]
    return messages[0] if messages and all(messages) else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, where tasks that ran together gave a group of them."""
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error


def _explain_one(error: BaseException, district: Path, language: Language) -> str | None:
    if isinstance(error, InvalidFileError):
        return render_findings(error.findings, district, language)
    if type(error).__module__.split(".")[0] in _ROOMS:
        return f"tocsin: {error}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in _ROOMS:
        return f"tocsin: this command needs {error.name}; on a server: pip install 'tocsin[hub]'"
    if isinstance(error, OSError | sqlite3.OperationalError):
        return f"tocsin: {error}; {_STATE}"
    return None
