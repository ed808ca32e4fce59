"""The errors that alerting raises on purpose; each class says whether another attempt can help."""


class AlertingError(Exception):
    """Root of every error alerting raises on purpose."""


class ChannelDownError(AlertingError):
    """A channel could not take the message for the moment; worth another attempt."""


class ChannelRefusedError(AlertingError):
    """A channel will never take this message for this person; use the next channel."""


class ChannelSetupError(AlertingError):
    """A channel lacks something it needs, such as a secret; retrying cannot help."""


class CapError(AlertingError):
    """A text is no CAP 1.2 message that we understand; reading it again cannot help."""
