"""The reference transport: grpc.aio, raw bytes in and out, no generated servicer.

Law: every stream is a coroutine, never a thread. Whatever happens in one stream ends that stream only: with an error
status where its object raised, without a word where Envoy reset it, which is how Envoy ends a stream every day.
`say_goodbye` says NOT_SERVING, so that nobody begins anything new here; `drain` sends GOAWAY, lets open exchanges end
by the deadline, and lets the log streams go with the last of them, since those never end by themselves. gRPC hangs up
with the last stream of a connection, and what Envoy has not read by then may be lost to it: so while we drain, a stream
ends a moment after its last reply.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio

from extproc.protocol.elsewhere import AskAnother
from extproc.transport.contract import ByteStream, RecordSink
from extproc.transport.health import SERVICE_UNKNOWN, Health
from extproc.transport.listen import OWNER_ALONE, ListenError, SocketFile, check_port, unix_path
from extproc.transport.methods import HEALTH_CHECK, HEALTH_WATCH, MESSAGE_LIMIT, PROCESS, STREAM_LOGS
from extproc.transport.tls import FollowedCredentials
from extproc.transport.tls_files import TlsFiles

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.so_reuseport", 0),  # a port in use is an error, not a second server that gets every other stream
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),  # Envoy pings idle connections; that is no abuse
    ("grpc.http2.max_ping_strikes", 0),
)
SHARED_PORT: Final = tuple((name, 1 if name == "grpc.so_reuseport" else value) for name, value in OPTIONS)
LAST_MOMENT: Final = 0.25  # seconds in which Envoy reads what was said last

_grpc: Any = grpc  # its helpers carry no types
OnBroken = Callable[[BaseException], None]


class _Everyday(logging.Filter):
    """Leaves out what grpc.aio says of every stream that the other side reset or that a drain's deadline ended."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(("RPC cancelled", "Aborting method", "ExecuteBatchError"))


_everyday = _Everyday()


class GrpcServer:
    def __init__(
        self,
        listen: Sequence[str],
        open_stream: Callable[[Mapping[str, str]], ByteStream],
        open_log: Callable[[], RecordSink],
        on_broken: OnBroken = lambda error: None,
        *,
        tls: TlsFiles | None = None,
        socket_mode: int = OWNER_ALONE,
        take_over: bool = False,
    ) -> None:
        """`listen`: addresses `unix:///path` or `host:port`; `tls` is for the ports, `socket_mode` for the sockets.
        `on_broken` hears why a stream ended with an error. `take_over`: whoever listens there already is our
        predecessor, and is about to go."""
        self._listen = tuple(listen)
        self._tls = FollowedCredentials(tls) if tls is not None else None
        self._credentials: Any = None
        self._socket_mode = socket_mode
        self._take_over = take_over
        self._open_stream = open_stream
        self._open_log = open_log
        self._on_broken = on_broken
        self._files: list[SocketFile] = []
        self.addresses: tuple[str, ...] = ()  # as bound: port 0 has become a port
        self.open_streams = 0

    async def start(self) -> None:
        """Listen and serve; ListenError with one line where an address is not to be had."""
        logging.getLogger("grpc._cython.cygrpc").addFilter(_everyday)
        self._health = Health()
        self._idle = asyncio.Event()  # no exchange's stream is open
        self._idle.set()
        self._farewell = asyncio.Event()  # log streams may go
        self._last_moment = 0.0
        self._check_addresses()
        self._credentials = self._tls.first() if self._tls is not None else None
        self._server = grpc.aio.server(options=SHARED_PORT if self._take_over else OPTIONS)
        self._server.add_generic_rpc_handlers((_Methods(self._methods()),))
        try:
            self.addresses = tuple([self._bind(address) for address in self._listen])
        except ListenError:
            self._release()
            raise
        await self._server.start()

    def say_goodbye(self) -> None:
        """Say that we go, and go on for now: those who look will have gone elsewhere when we do."""
        self._health.drain()

    async def drain(self, grace: float) -> None:
        """Take no new streams, give the open ones `grace` seconds, and be gone."""
        self.say_goodbye()
        self._last_moment = min(LAST_MOMENT, grace)
        stopping = asyncio.ensure_future(self._server.stop(grace))
        idle = asyncio.ensure_future(self._idle_for_a_moment())
        await asyncio.wait({stopping, idle}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        self._farewell.set()
        await stopping
        await self._idle.wait()  # handlers that the deadline cancelled still have their last words
        self._release()

    async def _idle_for_a_moment(self) -> None:
        await self._idle.wait()
        await asyncio.sleep(self._last_moment)

    # --- addresses ---------------------------------------------------------------------------------------------------
    def _check_addresses(self) -> None:
        """All before the first is bound: gRPC lets go of a port only with the process or a server that ran."""
        for address in self._listen:
            path = unix_path(address)
            if path is not None:
                SocketFile(path, take_over=self._take_over).check()
            elif not self._take_over:
                check_port(address)

    def _bind(self, address: str) -> str:
        path = unix_path(address)
        if path is None:
            port = self._add_port(address)
            return f"{address.rpartition(':')[0]}:{port}"
        file = SocketFile(path, self._socket_mode, take_over=self._take_over)
        file.claim(self._bind_path)
        self._files.append(file)
        return f"unix://{path}"

    def _bind_path(self, path: Path) -> None:
        self._add_port(f"unix:{path}")

    def _add_port(self, address: str) -> int:
        try:
            if self._credentials is not None and not address.startswith("unix:"):
                return int(self._server.add_secure_port(address, self._credentials))
            return int(self._server.add_insecure_port(address))
        except RuntimeError:
            raise ListenError(f"{address}: cannot be bound") from None

    def _release(self) -> None:
        for file in self._files:
            file.release()
        self._files.clear()

    # --- methods -----------------------------------------------------------------------------------------------------
    def _methods(self) -> dict[str, Any]:
        return {
            PROCESS: _grpc.stream_stream_rpc_method_handler(self._process),
            STREAM_LOGS: _grpc.stream_unary_rpc_method_handler(self._stream_logs),
            HEALTH_CHECK: _grpc.unary_unary_rpc_method_handler(self._health_check),
            HEALTH_WATCH: _grpc.unary_stream_rpc_method_handler(self._health_watch),
        }

    async def _process(self, _: object, context: Any) -> None:
        self.open_streams += 1
        self._idle.clear()
        stream: ByteStream | None = None
        try:
            stream = self._open_stream(_text_metadata(context))
            await _converse(context, stream)
            if self._last_moment:
                await asyncio.sleep(self._last_moment)
        except Exception as error:
            await self._break_off(context, error)
        finally:
            if stream is not None:
                self._close(stream)
            self.open_streams -= 1
            if self.open_streams == 0:
                self._idle.set()

    async def _stream_logs(self, _: object, context: Any) -> bytes:
        sink = self._open_log()
        reading = asyncio.ensure_future(_read_log(context, sink))
        leaving = asyncio.ensure_future(self._farewell.wait())
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        except Exception as error:
            await self._break_off(context, error)
        finally:
            reading.cancel()
            leaving.cancel()
            self._close(sink)
        return b""

    async def _health_check(self, request: bytes, context: Any) -> bytes:
        status = self._health.status(request)
        if status == SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of this name")
        return status

    async def _health_watch(self, request: bytes, context: Any) -> None:
        await context.write(self._health.status(request))
        await self._health.until_drained()
        await context.write(self._health.status(request))

    async def _break_off(self, context: Any, error: Exception) -> None:
        """End this stream, and only this one, with an error status. What went wrong is told here, not to the peer."""
        if isinstance(error, (grpc.aio.AbortError, grpc.aio.InternalError)) or context.cancelled():
            raise error  # the stream is over already: reset by the peer
        if isinstance(error, AskAnother):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "another processor may know")
        self._on_broken(error)
        await context.abort(grpc.StatusCode.INTERNAL, "the stream cannot go on")

    def _close(self, stream: ByteStream | RecordSink) -> None:
        try:
            stream.closed()
        except Exception as error:
            self._on_broken(error)


class _Methods(grpc.GenericRpcHandler):
    def __init__(self, methods: Mapping[str, Any]) -> None:
        self._methods = methods

    def service(self, handler_call_details: Any) -> Any:
        return self._methods.get(handler_call_details.method)


async def _converse(context: Any, stream: ByteStream) -> None:
    read: Callable[[], Awaitable[Any]] = context.read
    while (data := await read()) is not grpc.aio.EOF:
        reply, over = await stream.receive(data)
        if reply is not None:
            await context.write(reply)
        if over:
            return


async def _read_log(context: Any, sink: RecordSink) -> None:
    while (data := await context.read()) is not grpc.aio.EOF:
        sink.feed(data)


def _text_metadata(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
