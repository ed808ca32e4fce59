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


class FrameError(EdgeError):
    """Bytes are no frame of their protocol; the same bytes will not be better."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.raw = raw


class Hj212Error(FrameError):
    """Bytes are no HJ 212 frame, or not one this station may send."""


class Sl651Error(FrameError):
    """Bytes are no SL 651 frame, or not one this station may send."""


class Sl427Error(FrameError):
    """Bytes are no SL/T 427 frame, or not one this station may send."""


class Sdi12Error(FrameError):
    """Bytes are no SDI-12 answer."""


class NmeaError(FrameError):
    """Bytes are no NMEA 0183 sentence."""


class VaisalaError(FrameError):
    """Bytes are no answer of a Vaisala weather transmitter."""


class PlantowerError(FrameError):
    """Bytes are no data frame of a Plantower particle counter."""


class LineError(FrameError):
    """A line is not of the form that its profile describes."""


class ModbusPairError(FrameError):
    """A Modbus request and its answer do not hold, or do not belong together."""
