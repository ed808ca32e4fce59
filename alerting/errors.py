"""The errors that alerting raises on purpose; each class says whether another attempt can help."""

from district.findings import Text


class AlertingError(Exception):
    """Root of every error alerting raises on purpose."""


class ChannelDownError(AlertingError):
    """A channel could not take the message for the moment; worth another attempt."""


class ChannelRefusedError(AlertingError):
    """A channel will never take this message for this person; use the next channel."""


class ChannelSetupError(AlertingError):
    """A channel lacks something it needs, such as a secret; retrying cannot help."""


class NoSuchCaseError(AlertingError):
    """No open case has that code or name; asking again cannot help."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"no open case {ref!r}")
        self.ref = ref


class NobodyLeftError(AlertingError):
    """Nobody is next: everybody was told, somebody answered, or no route names anybody further."""


class NoSuchThreadError(AlertingError):
    """There is no such story, or it was not put aside; asking again cannot help."""


class RedError(AlertingError):
    """Red is never put aside; asking again cannot help until it has fallen."""


class BadLinkError(AlertingError):
    """A link that we did not sign; opening it again cannot help."""


class CapError(AlertingError):
    """A text is no CAP 1.2 message that we understand; reading it again cannot help."""


class NoSuchRuleError(AlertingError):
    """Somebody asked for a rule or a subject that there is not; asking again cannot help."""

    def __init__(self, what: Text) -> None:
        super().__init__(what.en)
        self.what = what


class PduError(AlertingError):
    """Bytes are no short message that we understand; reading them again cannot help."""


class ModemLostError(AlertingError):
    """The modem is unplugged, silent or out of step; it is opened anew, and a later attempt may succeed."""


class ModemRefusedError(AlertingError):
    """The modem answered a command with an error; its code tells whether another attempt can help."""

    def __init__(self, command: str, answer: str, code: int | None) -> None:
        super().__init__(f"{command}: {answer}")
        self.code = code  # of +CMS ERROR or +CME ERROR; none for a bare ERROR
