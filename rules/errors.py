"""What the rules engine raises on purpose."""


class RulesError(Exception):
    """Root of every error that rules raises on purpose."""


class HistoryError(RulesError):
    """A history or a list of events cannot be read; retrying cannot help."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
