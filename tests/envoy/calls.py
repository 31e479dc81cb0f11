"""A gRPC server without generated code: bytes in, bytes out, in all four kinds of calls; and what became of each."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

SAY, COUNT, ADD, TALK, WAIT = (f"/test.Echo/{name}" for name in ("Say", "Count", "Add", "Talk", "Wait"))


@dataclass(slots=True)
class Calls:
    port: int = 0
    began: threading.Event = field(default_factory=threading.Event)  # a call of Wait
    left: threading.Event = field(default_factory=threading.Event)  # whoever called it did not wait for the end
    left_over: list[float] = field(default_factory=list)  # seconds that the deadlines of calls of Say left them

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def calls() -> Iterator[Calls]:
    seen = Calls()

    def say(request: bytes, context: grpc.ServicerContext) -> bytes:
        left = context.time_remaining()
        seen.left_over.append(float("inf") if left is None else left)
        context.set_trailing_metadata((("x-trailer", "kept"),))
        if request == b"refuse":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no")
        return request.upper()

    def count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (str(number).encode() for number in range(int(request)))

    def add(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return str(sum(int(one) for one in requests)).encode()

    def talk(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (one.upper() for one in requests)

    def wait(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(seen.left.set)
        seen.began.set()
        seen.left.wait(20)
        return b""

    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Add": grpc.stream_unary_rpc_method_handler(add),
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
        "Wait": grpc.unary_unary_rpc_method_handler(wait),
    }
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", methods),))
    seen.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield seen
    finally:
        server.stop(0).wait()
