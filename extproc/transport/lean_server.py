"""The lean transport: the same gRPC, by an HTTP/2 of our own, for the neighbour on this machine.

Law: it behaves as `grpc_server` does, whose suites it passes; it speaks no TLS. grpcio costs several times what all
else of an exchange costs together (docs/benchmarks.md), which is the only reason why it exists.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from extproc.protocol.elsewhere import AskAnother
from extproc.transport.contract import ByteStream, RecordSink
from extproc.transport.grpc_wire import INTERNAL, NOT_FOUND, OK, UNAVAILABLE, UNIMPLEMENTED, BadMessage
from extproc.transport.health import SERVICE_UNKNOWN, Health
from extproc.transport.lean_call import Call
from extproc.transport.lean_connection import LeanConnection
from extproc.transport.listen import OWNER_ALONE, ListenError, SocketFile, check_port, unix_path
from extproc.transport.methods import HEALTH_CHECK, HEALTH_WATCH, PROCESS, STREAM_LOGS

OnBroken = Callable[[BaseException], None]
_BACKLOG = 1024
_LAST_WORDS_PATIENCE = 0.2  # seconds that connections have to write what was said last


class LeanServer:
    def __init__(
        self,
        listen: Sequence[str],
        open_stream: Callable[[Mapping[str, str]], ByteStream],
        open_log: Callable[[], RecordSink],
        on_broken: OnBroken = lambda error: None,
        *,
        socket_mode: int = OWNER_ALONE,
        take_over: bool = False,
    ) -> None:
        """`listen`: addresses `unix:///path` or `host:port`. `on_broken` hears why a stream ended with an error.
        `take_over`: whoever listens there already is our predecessor, and is about to go."""
        self._listen = tuple(listen)
        self._socket_mode = socket_mode
        self._take_over = take_over
        self._open_stream = open_stream
        self._open_log = open_log
        self._on_broken = on_broken
        self._files: list[SocketFile] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[LeanConnection] = set()
        self._drained: asyncio.Task[None] | None = None
        self.addresses: tuple[str, ...] = ()  # as bound: port 0 has become a port
        self.open_streams = 0

    async def start(self) -> None:
        """Listen and serve; ListenError with one line where an address is not to be had."""
        self._health = Health()
        self._idle = asyncio.Event()  # no exchange's stream is open
        self._idle.set()
        self._farewell = asyncio.Event()  # log streams may go
        try:
            self.addresses = tuple([await self._bind(address) for address in self._listen])
        except ListenError:
            self._close_servers()
            raise
        for server in self._servers:
            await server.start_serving()

    def say_goodbye(self) -> None:
        """Say that we go, and go on for now: those who look will have gone elsewhere when we do."""
        self._health.drain()

    async def drain(self, grace: float) -> None:
        """Take no new streams, give the open ones `grace` seconds, and be gone."""
        if self._drained is None:
            self._drained = asyncio.ensure_future(self._drain(grace))
        await asyncio.shield(self._drained)

    async def _drain(self, grace: float) -> None:
        self.say_goodbye()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.leave()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        self._farewell.set()
        await self._give_up()
        await self._idle.wait()  # those whose connection was lost still have their last words
        self._close_servers()

    async def _give_up(self) -> None:
        """Streams that never end by themselves end politely now; whoever still talks is cut off."""
        ending = [task for connection in self._connections for task in connection.tasks()]
        if ending:
            await asyncio.wait(ending, timeout=_LAST_WORDS_PATIENCE)
        late = [task for connection in self._connections for task in connection.cancel()]
        if late:
            await asyncio.wait(late)
        deadline = asyncio.get_running_loop().time() + _LAST_WORDS_PATIENCE
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self._connections):
            connection.close()

    # --- addresses ---------------------------------------------------------------------------------------------------

    async def _bind(self, address: str) -> str:
        path = unix_path(address)
        loop = asyncio.get_running_loop()
        if path is not None:
            server = await loop.create_unix_server(self._connection, sock=self._claim(path), start_serving=False)
            self._servers.append(server)
            return f"unix://{path}"
        hosts = check_port(address, shared=self._take_over)
        host, _, port = address.rpartition(":")
        try:
            server = await loop.create_server(
                self._connection,
                hosts,
                int(port),
                backlog=_BACKLOG,
                start_serving=False,
                reuse_port=self._take_over or None,
            )
        except OSError as error:
            raise ListenError(f"{address}: {(error.strerror or str(error)).lower()}") from None
        self._servers.append(server)
        return f"{host}:{server.sockets[0].getsockname()[1]}"

    def _claim(self, path: Path) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

        def bind(place: Path) -> None:
            made.bind(str(place))
            made.listen(_BACKLOG)

        file = SocketFile(path, self._socket_mode, take_over=self._take_over)
        try:
            file.claim(bind)
        except BaseException:
            made.close()
            raise
        self._files.append(file)
        return made

    def _connection(self) -> LeanConnection:
        made = LeanConnection(self._serve, self._connections.discard)
        self._connections.add(made)
        if self._drained is not None:  # it was being accepted while we stopped listening
            made.leave()
        return made

    def _close_servers(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        for file in self._files:
            file.release()
        self._files.clear()

    # --- methods -----------------------------------------------------------------------------------------------------

    async def _serve(self, call: Call) -> None:
        try:
            if call.path == PROCESS:
                await self._process(call)
            elif call.path == STREAM_LOGS:
                await self._stream_logs(call)
            elif call.path == HEALTH_CHECK:
                await self._health_check(call)
            elif call.path == HEALTH_WATCH:
                await self._health_watch(call)
            else:
                call.end(UNIMPLEMENTED, "no such method")
        except BadMessage as bad:
            call.end(bad.status, bad.why)
        except AskAnother:
            call.end(UNAVAILABLE, "another processor may know")
        except Exception as error:  # told here, not to the peer; this stream ends, and only this one
            self._on_broken(error)
            call.end(INTERNAL, "the stream cannot go on")

    async def _process(self, call: Call) -> None:
        self.open_streams += 1
        self._idle.clear()
        stream: ByteStream | None = None
        try:
            stream = self._open_stream(call.metadata)
            while (data := await call.read()) is not None:
                reply, over = await stream.receive(data)
                if reply is not None:
                    await call.say(reply)
                if over:
                    break
            call.end(OK)
        finally:
            if stream is not None:
                self._close(stream)
            self.open_streams -= 1
            if self.open_streams == 0:
                self._idle.set()

    async def _stream_logs(self, call: Call) -> None:
        sink = self._open_log()
        reading = asyncio.ensure_future(_read_log(call, sink))
        leaving = asyncio.ensure_future(self._farewell.wait())
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await call.say(b"")
            call.end(OK)
        finally:
            reading.cancel()
            leaving.cancel()
            self._close(sink)

    async def _health_check(self, call: Call) -> None:
        status = self._health.status(await call.read() or b"")
        if status == SERVICE_UNKNOWN:
            call.end(NOT_FOUND, "no service of this name")
            return
        await call.say(status)
        call.end(OK)

    async def _health_watch(self, call: Call) -> None:
        request = await call.read() or b""
        await call.say(self._health.status(request))
        await self._health.until_drained()
        await call.say(self._health.status(request))
        call.end(OK)

    def _close(self, stream: ByteStream | RecordSink) -> None:
        try:
            stream.closed()
        except Exception as error:
            self._on_broken(error)


async def _read_log(call: Call, sink: RecordSink) -> None:
    while (data := await call.read()) is not None:
        sink.feed(data)
