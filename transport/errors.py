"""The errors that transport raises on purpose; each class says whether another attempt can help."""


class TransportError(Exception):
    """Root of every error transport raises on purpose."""


class WireError(TransportError):
    """A message is not of our format; receiving it again cannot help."""


class NotConnectedError(TransportError):
    """The broker is out of reach for the moment; a later attempt may succeed."""


class EndpointError(TransportError):
    """A broker's address, clock or certificate setting is impossible; retrying cannot help."""
