"""How each protocol is asked for one reading; each question reads once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from district.inventory import Device, Speech
from edge import plantower, sdi12
from edge.errors import FrameError, ReadError
from edge.instruments.protocols import spoken
from edge.link import Link
from edge.telegram import Said, Telegram
from transport.measurement import Quality

Question = Callable[[Link, Device, Speech, float], Awaitable[Telegram]]

_MOST_DATA = 10  # D0 to D9
_ENDS = ("\r", "\n")


class _Frames:
    """The frames that come, one at a time; waiting for one may be given up and begun again."""

    def __init__(self, link: Link, speech: Speech) -> None:
        self._link = link
        self._splitter = spoken(speech).splitter()
        self._ready: deque[bytes] = deque()

    async def next(self) -> bytes:
        while not self._ready:
            self._ready.extend(self._splitter.feed(await self._link.receive()))
        return self._ready.popleft()


async def ask(link: Link, device: Device, speech: Speech, timeout_s: float) -> Telegram:
    """Ask a device for one reading.

    Raises:
        ReadError: It did not answer within ``timeout_s``, or not as its protocol has it.
        LinkDownError: The line is away.
        EdgeSpecError: Its protocol has no question.
    """
    question = _QUESTIONS.get(speech.protocol, _ask_once)
    link.discard()
    try:
        return await question(link, device, speech, timeout_s)
    except TimeoutError as exc:
        raise ReadError(device.id, "no answer") from exc
    except FrameError as exc:
        raise ReadError(device.id, str(exc), quality=Quality.CHECKSUM) from exc


async def _ask_once(link: Link, device: Device, speech: Speech, timeout_s: float) -> Telegram:
    """One question, one answer; what is no answer of this device is passed over until the time is up."""
    frames, decode = _Frames(link, speech), spoken(speech).decode
    link.write(_text(device, speech))
    refused: FrameError | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    telegram = decode(await frames.next())
                except FrameError as exc:
                    refused = exc
                    continue
                if telegram.said and telegram.station in {device.address, None}:
                    return telegram
    except TimeoutError:
        if refused is not None:
            raise refused from None
        raise


async def _ask_sdi12(link: Link, device: Device, speech: Speech, timeout_s: float) -> Telegram:
    """Start a measurement, wait until it is ready, then fetch its values."""
    address = device.address or "0"
    command = f"{address}{speech.measure[:1]}{'C' if speech.crc else ''}{speech.measure[1:]}!"
    lines = _Frames(link, speech)
    wait_s, wanted = sdi12.started(await _sdi12_answer(link, lines, command, timeout_s), address)
    if wait_s:
        await _service_request(lines, address, wait_s)
    said: list[Said] = []
    for number in range(_MOST_DATA):
        if len(said) >= wanted:
            break
        answer = await _sdi12_answer(link, lines, f"{address}D{number}!", timeout_s)
        telegram = sdi12.decode(answer, crc=speech.crc)
        if telegram.station != address:
            raise ReadError(device.id, f"address {telegram.station} answers for {address}")
        if not telegram.said:
            raise ReadError(device.id, "measured nothing", quality=Quality.SENTINEL)
        first = len(said) + 1
        said += (each._replace(code=str(first + place)) for place, each in enumerate(telegram.said))
    return Telegram(station=address, at=None, said=tuple(said))


async def _sdi12_answer(link: Link, lines: _Frames, command: str, timeout_s: float) -> bytes:
    """The answer to a command; adapters that hear themselves repeat the command before it."""
    link.write(command.encode("ascii"))
    async with asyncio.timeout(timeout_s):
        answer = await lines.next()
    return answer.removeprefix(command.encode("ascii"))


async def _service_request(lines: _Frames, address: str, wait_s: int) -> None:
    """Wait until the sensor says that it is ready; one that says nothing is ready when its time is up."""
    try:
        async with asyncio.timeout(wait_s):
            while await lines.next() != address.encode("ascii"):
                continue
    except TimeoutError:
        return


def _text(device: Device, speech: Speech) -> bytes:
    match speech.protocol:
        case "vaisala":
            return f"{device.address}R0\r\n".encode("ascii")
        case "plantower":
            return plantower.READ_NOW
        case _:
            ask = speech.ask if speech.ask.endswith(_ENDS) else speech.ask + "\r\n"
            return ask.encode()


_QUESTIONS: Mapping[str, Question] = {"sdi12": _ask_sdi12}
