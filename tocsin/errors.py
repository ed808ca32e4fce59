"""The errors that the composition root raises on purpose."""


class TocsinError(Exception):
    """Root of every error the composition root raises on purpose; its message says what to do."""


class MissingPartError(TocsinError):
    """Something that must be installed is not; trying again cannot help, installing it can."""


class ProcessError(TocsinError):
    """A process that we started ended or did not become ready in time; its log says why."""
