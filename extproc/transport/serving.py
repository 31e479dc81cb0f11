"""Which transport serves: the lean one, and grpcio where TLS stands between Envoy and the processor (docs/adr/0015)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from extproc.transport.contract import ByteStream, RecordSink
from extproc.transport.lean_server import LeanServer
from extproc.transport.listen import OWNER_ALONE
from extproc.transport.tls_files import TlsFiles


class Server(Protocol):
    addresses: tuple[str, ...]
    open_streams: int

    async def start(self) -> None:
        """Listen and serve; ListenError with one line where an address is not to be had."""
        ...

    def say_goodbye(self) -> None: ...

    async def drain(self, grace: float) -> None: ...


def new_server(
    listen: Sequence[str],
    open_stream: Callable[[Mapping[str, str]], ByteStream],
    open_log: Callable[[], RecordSink],
    on_broken: Callable[[BaseException], None],
    *,
    tls: TlsFiles | None = None,
    socket_mode: int = OWNER_ALONE,
    take_over: bool = False,
) -> Server:
    """`take_over`: whoever listens there already is our predecessor, and is about to go."""
    if tls is None:
        return LeanServer(listen, open_stream, open_log, on_broken, socket_mode=socket_mode, take_over=take_over)
    from extproc.transport.grpc_server import GrpcServer  # a tenth of a second, and 20 MB, that few need

    return GrpcServer(listen, open_stream, open_log, on_broken, tls=tls, socket_mode=socket_mode, take_over=take_over)
