"""The other ends of the wires: a raw serial port, a Modbus master over TCP, an HJ 212 collector."""

import asyncio
import os
import time
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Self

DEADLINE_S = 15.0


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the condition lies in files and processes
            await asyncio.sleep(0.01)


def reference_crc(data: bytes, *, modbus: bool) -> bytes:
    """Both checks bit by bit, from the standards' own words; as they go over the wire."""
    reg = 0xFFFF
    for byte in data:
        reg = reg ^ byte if modbus else (reg >> 8) ^ byte
        for _ in range(8):
            reg = (reg >> 1) ^ 0xA001 if reg & 1 else reg >> 1
    return reg.to_bytes(2, "little") if modbus else b"%04X" % reg


def rtu(text: str) -> bytes:
    """A frame from the hexadecimal text of its body."""
    body = bytes.fromhex(text)
    return body + reference_crc(body, modbus=True)


class RawPort:
    """A serial port with no protocol in it."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        self.received = b""
        self.last_s = 0.0
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def _readable(self) -> None:
        self.received += os.read(self._fd, 4096)
        self.last_s = time.time()

    def write(self, data: bytes) -> None:
        assert os.write(self._fd, data) == len(data)

    async def take(self, size: int) -> bytes:
        """Wait for bytes and take them."""
        await until(lambda: len(self.received) >= size)
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    async def ask(self, request: bytes, size: int) -> bytes:
        self.write(request)
        return await self.take(size)


class Hj212Frame:
    """A frame as the collector reads it."""

    def __init__(self, line: bytes) -> None:
        self.raw = line
        segment = line[6:-6]
        self.whole = (
            line[:2] == b"##"
            and line[2:6] == b"%04d" % len(segment)
            and line[-6:-2] == reference_crc(segment, modbus=False)
        )
        text = segment.decode(errors="replace")
        head, _, content = text.partition("CP=&&")
        self.fields = dict(part.split("=", 1) for part in head.split(";") if "=" in part)
        self.items = dict(
            part.split("=", 1)
            for part in content.removesuffix("&&").replace(",", ";").split(";")
            if "=" in part
        )

    @property
    def qn(self) -> str:
        return self.fields["QN"]


def hj212_frame(segment: str) -> bytes:
    data = segment.encode()
    return b"##%04d%b%b\r\n" % (len(data), data, reference_crc(data, modbus=False))


def data_answer(frame: Hj212Frame) -> bytes:
    """The 9014 of a frame."""
    mn, password = frame.fields["MN"], frame.fields["PW"]
    return hj212_frame(f"QN={frame.qn};ST=91;CN=9014;PW={password};MN={mn};Flag=4;CP=&&&&")


class Collector:
    """Takes HJ 212 connections; answers frames only while ``answering``."""

    def __init__(self, *, answering: bool = True) -> None:
        self.answering = answering
        self.frames: list[Hj212Frame] = []
        self.connections = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.come()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go()

    async def come(self) -> None:
        """Listen: at a free port at first, then at the same one again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def go(self) -> None:
        """Hang up and listen no more."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def qns(self) -> list[str]:
        return [frame.qn for frame in self.frames if frame.whole]

    def send(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while line := await reader.readuntil(b"\r\n"):
                frame = Hj212Frame(line)
                self.frames.append(frame)
                if self.answering and frame.whole and frame.fields["CN"] == "2011":
                    writer.write(data_answer(frame))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()
