"""The errors that collector raises on purpose; each class says whether another attempt can help."""

from district.findings import Text


class CollectorError(Exception):
    """Root of every error collector raises on purpose."""


class StoreDownError(CollectorError):
    """The store is out of reach, full or misconfigured; the same samples may be taken later."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s  # what the store itself asked for; zero if it did not


class StoreRefusedError(CollectorError):
    """The store does not take what it was given, or cannot answer what it was asked; retrying cannot help."""


class StoreSettingsError(CollectorError):
    """The store's settings are impossible here; editing them can help, starting again cannot."""


class ImportRefusedError(CollectorError):
    """A file of readings cannot be read at all; editing it can help."""


class ReadingRefusedError(CollectorError):
    """What somebody reports cannot be a reading of that instrument; reporting another value can help."""

    def __init__(self, words: Text) -> None:
        super().__init__(words.en)
        self.words = words


class BackupError(CollectorError):
    """A backup is not whole, or lies where it must not; nothing was changed."""


_NEVER = frozenset({400, 413, 422})  # malformed, too large, impossible: what was sent is at fault


def http_error(store: str, status: int, text: str, retry_after: str | None = None) -> CollectorError:
    """What a store's HTTP status means for the next attempt.

    A wrong token or a missing database is a fault of the settings: nothing is lost by waiting until somebody
    mends it, so it counts as down.
    """
    reason = f"{store}: {status} {' '.join(text.split())[:300]}"
    if status in _NEVER:
        return StoreRefusedError(reason)
    return StoreDownError(
        reason, retry_after_s=float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    )
