"""HJ 212 stations on one line or connection: frames in, readings and answers out."""

from dataclasses import replace

from edge.conversation import Heard
from edge.errors import FrameError, Hj212Error
from edge.hj212.frames import Frame, Splitter, encode_frame
from edge.hj212.segments import Segment, decode_segment
from edge.hj212.stations import Stations

_TIME = "DataTime="
_MOST_TIMES = 100


class Hj212Hearer:
    """Understands what the stations of one bus send; one hearer for each line or connection."""

    def __init__(self, stations: Stations) -> None:
        self._stations = stations
        self._splitter = Splitter()
        self._times: dict[tuple[str, str], str] = {}  # station and command: the DataTime of a first packet

    def hear(self, data: bytes) -> list[Heard | FrameError]:
        """Take bytes; returns what each complete frame said, and an error for each stretch that is none."""
        heard: list[Heard | FrameError] = []
        for item in self._splitter.feed(data):
            try:
                heard.append(self._understand(item))
            except Hj212Error as exc:
                heard.append(exc)
        return heard

    def _understand(self, item: Frame | Hj212Error) -> Heard:
        if isinstance(item, Hj212Error):
            raise item
        segment = self._dated(decode_segment(item.segment))
        reading = self._stations.read(segment)
        frames = tuple(encode_frame(each) for each in self._stations.answers(segment))
        return Heard(() if reading is None else (reading,), frames)

    def _dated(self, segment: Segment) -> Segment:
        """A later packet of a message, with the time that its first one said."""
        if segment.packets == 1:
            return segment
        key = (segment.mn, segment.cn)
        start = segment.content.find(_TIME)
        if start >= 0:
            self._times.pop(key, None)
            while len(self._times) >= _MOST_TIMES:  # strangers may name as many stations as they like
                self._times.pop(next(iter(self._times)))
            self._times[key] = segment.content[start:].partition(";")[0].partition(",")[0]
            return segment
        time = self._times.get(key)
        return segment if time is None else replace(segment, content=f"{time};{segment.content}")
