"""The errors that edge raises on purpose; each class says whether another attempt can help."""

from transport.measurement import Quality


class EdgeError(Exception):
    """Root of every error edge raises on purpose."""


class EdgeSpecError(EdgeError):
    """The district asks this gateway for something impossible; retrying cannot help."""


class LinkDownError(EdgeError):
    """A port or socket is away for the moment; opening it again may succeed."""


class ReadError(EdgeError):
    """An instrument gave no usable answer; a later attempt may succeed."""

    def __init__(self, device_id: str, reason: str, *, quality: Quality = Quality.TIMEOUT) -> None:
        super().__init__(f"{device_id}: {reason}")
        self.device_id = device_id
        self.reason = reason
        self.quality = quality


class RefusedError(ReadError):
    """An instrument is alive and refused what was asked; its other registers may answer."""

    def __init__(self, device_id: str, code: int) -> None:
        super().__init__(device_id, f"exception {code}", quality=Quality.EXCEPTION)
        self.code = code


class NotKeptError(EdgeError):
    """The disk refused for so long that readings were given up; whoever has them may offer them again."""


class Hj212Error(EdgeError):
    """Bytes are no HJ 212 frame, or not one this station may send; the same bytes will not be better."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.raw = raw
