"""Each protocol's decoder and way of cutting a stream, by name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from district.inventory import Speech
from edge import nmea, plantower, sdi12, vaisala
from edge.errors import EdgeSpecError
from edge.instruments.framing import LineSplitter, Splitter
from edge.lines import LineReader
from edge.telegram import Telegram

Decode = Callable[[bytes], Telegram]


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a protocol is read."""

    decode: Decode
    splitter: Callable[[], Splitter]


_SPOKEN: Mapping[str, Spoken] = {
    "sdi12": Spoken(sdi12.decode, LineSplitter),
    "nmea": Spoken(nmea.decode, LineSplitter),
    "vaisala": Spoken(vaisala.decode, LineSplitter),
    "plantower": Spoken(plantower.decode, plantower.Splitter),
}


def spoken(speech: Speech) -> Spoken:
    """How an instrument's telegrams are read.

    Raises:
        EdgeSpecError: It speaks nothing that an instrument of this kind may.
    """
    if speech.protocol == "lines":
        return Spoken(LineReader(re.compile(speech.pattern)).decode, LineSplitter)
    known = _SPOKEN.get(speech.protocol)
    if known is None:
        raise EdgeSpecError(f"no instrument speaks {speech.protocol}")
    return known
