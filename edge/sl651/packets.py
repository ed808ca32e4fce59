"""Messages of several packets, put together again: pure."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from edge.sl651.frames import End, Frame

_MOST_MESSAGES = 8  # under way at once on one connection; the oldest is given up
_MOST_BYTES = 1 << 20  # of one message

_Key = tuple[bytes, int, int]


@dataclass(slots=True)
class _Message:
    bodies: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class Assembler:
    """Gathers packets until a message is whole."""

    def __init__(self) -> None:
        self._messages: OrderedDict[_Key, _Message] = OrderedDict()

    def take(self, frame: Frame) -> Frame | None:
        """Take a packet; returns the whole message as one frame once it is there."""
        if frame.packets == 1:
            return frame
        key = (frame.station, frame.function, frame.packets)
        message = self._messages.setdefault(key, _Message())
        self._messages.move_to_end(key)
        if frame.packet not in message.bodies:
            message.size += len(frame.body)
        message.bodies[frame.packet] = frame.body
        if len(message.bodies) == frame.packets:
            del self._messages[key]
            body = b"".join(message.bodies[number] for number in range(1, frame.packets + 1))
            return replace(frame, body=body, packets=1, packet=1)
        if message.size > _MOST_BYTES:
            del self._messages[key]
        while len(self._messages) > _MOST_MESSAGES:
            self._messages.popitem(last=False)
        return None

    def missing(self, frame: Frame) -> int | None:
        """The first packet that lacks although the last one has come; none while more may follow."""
        message = self._messages.get((frame.station, frame.function, frame.packets))
        if message is None or frame.end is not End.ETX:
            return None
        return next(number for number in range(1, frame.packets + 1) if number not in message.bodies)
