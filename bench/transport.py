"""What a no-op exchange costs the processor's process: CPU microseconds, by the operating system's own accounting.

The server runs in a process of its own on a Unix socket; a grpc.aio client here plays the request headers and one
buffered body of each exchange, a few at a time. `python -m bench.transport` prints the rows; `run()` gives them to
whoever prints all benchmarks.
"""

import asyncio
import multiprocessing
import resource
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

import grpc
import grpc.aio

from extproc.exchange.handler import Handler
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, ImmediateReply, TrailersReply, Turn
from extproc.transport.contract import ByteStream
from extproc.transport.grpc_server import GrpcServer
from extproc.transport.lean_server import LeanServer
from extproc.transport.methods import PROCESS
from extproc.wire.log_stream import LogStream
from extproc.wire.pb.external_processor_pb2 import ProcessingRequest
from extproc.wire.stream import ProcessorStream

EXCHANGES = 4000
WARM_UP = 500
AT_ONCE = 16
CHAT_BODY = b'{"model":"small","messages":[{"role":"user","content":"' + b"x" * 230 + b'"}]}'
CANNED = (b"\x0a\x00", b"\x1a\x00")  # the empty replies to request headers and body


class Row(NamedTuple):
    name: str
    value: float
    unit: str


class NoOp:
    """Says «go on» to everything and ends the stream after the body."""

    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, BodyEvent):
            return Turn(BodyReply(event.direction), done=True)
        if isinstance(event, HeadersEvent):
            return Turn(HeadersReply(event.direction))
        return Turn(TrailersReply(event.direction))

    def closed(self) -> None: ...


class Canned:
    """The baseline: the transport alone, without protobuf, order or handler."""

    def __init__(self) -> None:
        self._said = 0

    async def receive(self, data: bytes) -> tuple[bytes | None, bool]:
        self._said += 1
        return CANNED[self._said - 1], self._said == 2

    def closed(self) -> None: ...


def no_op_stream(metadata: Mapping[str, str]) -> ByteStream:
    handler: Handler = NoOp()
    return ProcessorStream(handler, lambda bug: ImmediateReply(500, (), b"", "bug"))


def canned_stream(metadata: Mapping[str, str]) -> ByteStream:
    return Canned()


TRANSPORTS = {"grpcio": GrpcServer, "lean": LeanServer}
STREAMS = {"transport alone": canned_stream, "with protobuf, order and handler": no_op_stream}


def run() -> list[Row]:
    rows: list[Row] = []
    for transport in TRANSPORTS:
        for stream in STREAMS:
            name = f"{transport}, headers and body, {stream}"
            rows.append(Row(name, measure(transport, stream), "µs CPU an exchange"))
    grpcio, _, lean, _ = rows
    rows.append(Row("lean, of what grpcio costs", 100 * lean.value / grpcio.value, "%"))
    return rows


def measure(transport: str, stream: str) -> float:
    """CPU microseconds of the server's process for each exchange."""
    with tempfile.TemporaryDirectory(prefix="b") as directory:
        ours, theirs = multiprocessing.Pipe()
        start = multiprocessing.get_context("spawn")
        server = start.Process(target=serve, args=(transport, stream, f"unix://{directory}/s", theirs))
        server.start()
        try:
            ours.recv()
            asyncio.run(play(f"unix:{directory}/s", WARM_UP))
            before = ask_cpu(ours)
            asyncio.run(play(f"unix:{directory}/s", EXCHANGES))
            return (ask_cpu(ours) - before) / EXCHANGES * 1e6
        finally:
            with suppress(BrokenPipeError):  # Ctrl-C ends it too
                ours.send("end")
            server.join()


def ask_cpu(pipe: Connection) -> float:
    pipe.send("cpu")
    return float(pipe.recv())


def serve(transport: str, stream: str, address: str, pipe: Connection) -> None:
    async def main() -> None:
        server = TRANSPORTS[transport]([address], STREAMS[stream], lambda: LogStream(lambda record: None))
        await server.start()
        pipe.send("ready")
        while await asyncio.to_thread(pipe.recv) == "cpu":
            used = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send(used.ru_utime + used.ru_stime)
        await server.drain(0)

    with asyncio.Runner() as runner:
        runner.run(main())


async def play(address: str, exchanges: int) -> None:
    headers, body = messages()
    left = iter(range(exchanges))
    async with grpc.aio.insecure_channel(address) as channel:
        process = channel.stream_stream(PROCESS)

        async def one_after_another() -> None:
            for _ in left:
                call = process()
                await call.write(headers)
                await call.read()
                await call.write(body)
                await call.read()
                await call.code()

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


def messages() -> tuple[bytes, bytes]:
    """What Envoy sends of a chat request: twenty headers, then the body."""
    pairs = [(":method", b"POST"), (":path", b"/v1/chat/completions"), (":authority", b"localhost:8080")]
    pairs += [(f"x-header-{number}", b"some ordinary value") for number in range(17)]
    headers = ProcessingRequest()
    for key, value in pairs:
        headers.request_headers.headers.headers.add(key=key, raw_value=value)
    headers.attributes["envoy.filters.http.ext_proc"].fields["xds.route_name"].string_value = "s|chat|chat"
    headers.protocol_config.request_body_mode = 2
    body = ProcessingRequest(request_body={"body": CHAT_BODY, "end_of_stream": True})
    return headers.SerializeToString(), body.SerializeToString()


def main() -> None:
    rows = run()
    width = max(len(name) for name, _, _ in rows)
    for name, value, unit in rows:
        print(f"{name:<{width}}  {value:8.0f}  {unit}")


if __name__ == "__main__":
    main()
