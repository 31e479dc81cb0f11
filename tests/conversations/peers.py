"""The suite's Envoy: opens streams and plays messages, on every transport alike.

A peer starts a processor around `make_handler` and opens lines to it. A line's `say` gives the reply's bytes, or an
`End`: how the stream ended. A second transport joins the suite by a peer of its own in conftest's TRANSPORTS.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
import grpc.aio

from extproc.exchange.handler import Handler
from extproc.protocol.replies import ImmediateReply
from extproc.transport.contract import ByteStream
from extproc.transport.grpc_server import GrpcServer
from extproc.transport.lean_server import LeanServer
from extproc.transport.methods import MESSAGE_LIMIT, PROCESS
from extproc.wire.stream import ProcessorStream

MakeHandler = Callable[[Mapping[str, str]], Handler]
OpenStream = Callable[[Mapping[str, str]], ByteStream]
PATIENCE = 20.0  # seconds until a test that hangs fails


@dataclass(frozen=True)
class End:
    clean: bool


class Line(Protocol):
    async def say(self, data: bytes) -> bytes | End: ...

    async def hear(self) -> bytes | End: ...

    async def tell(self, data: bytes) -> None:
        """Say something that gets no reply."""
        ...

    async def reset(self) -> None:
        """What Envoy does when the HTTP exchange is over."""
        ...


class Peer(Protocol):
    bugs: list[BaseException]

    async def start(self, make_handler: MakeHandler, directory: Path) -> None: ...

    async def serve(self, open_stream: OpenStream, directory: Path) -> None:
        """The same with streams that are whole: the product's own."""
        ...

    def open(self, metadata: Mapping[str, str] = {}) -> Line: ...

    async def drain(self, grace: float) -> None: ...

    async def stop(self) -> None: ...

    def open_streams(self) -> int: ...


def bug_answer(bugs: list[BaseException]) -> Callable[[BaseException], ImmediateReply]:
    def answer(bug: BaseException) -> ImmediateReply:
        bugs.append(bug)
        return ImmediateReply(500, (("content-type", "application/json"),), b"{}", "extproc_internal_error")

    return answer


def streams_of(make_handler: MakeHandler, bugs: list[BaseException]) -> OpenStream:
    return lambda metadata: ProcessorStream(make_handler(metadata), bug_answer(bugs))


class DirectPeer:
    """No transport at all: the stream object by itself."""

    def __init__(self) -> None:
        self.bugs: list[BaseException] = []
        self._lines: list[DirectLine] = []
        self._draining = False

    async def start(self, make_handler: MakeHandler, directory: Path) -> None:
        await self.serve(streams_of(make_handler, self.bugs), directory)

    async def serve(self, open_stream: OpenStream, directory: Path) -> None:
        self._open = open_stream

    def open(self, metadata: Mapping[str, str] = {}) -> "DirectLine":
        if self._draining:
            raise ConnectionRefusedError
        line = DirectLine(self._open(metadata))
        self._lines.append(line)
        return line

    async def drain(self, grace: float) -> None:
        self._draining = True

    async def stop(self) -> None:
        for line in self._lines:
            await line.reset()

    def open_streams(self) -> int:
        return sum(not line.over for line in self._lines)


class DirectLine:
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._heard: list[bytes | End] = []
        self.over = False

    async def say(self, data: bytes) -> bytes | End:
        await self.tell(data)
        return await self.hear()

    async def hear(self) -> bytes | End:
        return self._heard.pop(0)

    async def tell(self, data: bytes) -> None:
        if self.over:
            return
        try:
            reply, over = await self._stream.receive(data)
        except Exception:
            self._finish(End(clean=False))
            return
        if reply is not None:
            self._heard.append(reply)
        if over:
            self._finish(End(clean=True))

    async def reset(self) -> None:
        if not self.over:
            self._finish(End(clean=False))

    def _finish(self, end: End) -> None:
        self.over = True
        self._heard.append(end)
        self._stream.closed()


class GrpcPeer:
    """The real server on a Unix socket, and a grpc.aio client in Envoy's place."""

    server: type[GrpcServer | LeanServer] = GrpcServer

    def __init__(self) -> None:
        self.bugs: list[BaseException] = []

    async def start(self, make_handler: MakeHandler, directory: Path) -> None:
        await self.serve(streams_of(make_handler, self.bugs), directory)

    async def serve(self, open_stream: OpenStream, directory: Path) -> None:
        address = f"unix://{directory}/s"
        self._server = self.server([address], open_stream, NoLog)
        await self._server.start()
        limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
        self.channel = grpc.aio.insecure_channel(f"unix:{directory}/s", options=limits)
        self._process = self.channel.stream_stream(PROCESS)

    def open(self, metadata: Mapping[str, str] = {}) -> "GrpcLine":
        return GrpcLine(self._process(metadata=tuple(metadata.items())))

    async def drain(self, grace: float) -> None:
        await self._server.drain(grace)

    async def stop(self) -> None:
        await self._server.drain(0)
        await self.channel.close()

    def open_streams(self) -> int:
        return self._server.open_streams


class LeanPeer(GrpcPeer):
    """The same client before the lean transport."""

    server = LeanServer


class GrpcLine:
    def __init__(self, call: Any) -> None:
        self._call = call

    async def say(self, data: bytes) -> bytes | End:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # ended meanwhile: hear() tells how
            await self._call.write(data)
        return await self.hear()

    async def hear(self) -> bytes | End:
        try:
            heard = await asyncio.wait_for(self._call.read(), PATIENCE)
        except grpc.aio.AioRpcError:
            return End(clean=False)
        except asyncio.CancelledError:
            if not self._call.cancelled():
                raise
            return End(clean=False)  # our own reset
        if isinstance(heard, bytes):
            return heard
        return End(clean=await self._call.code() == grpc.StatusCode.OK)

    async def tell(self, data: bytes) -> None:
        await self._call.write(data)

    async def reset(self) -> None:
        self._call.cancel()


class NoLog:
    def feed(self, data: bytes) -> None:
        raise AssertionError("no log was expected")

    def closed(self) -> None: ...
