"""Both servers, with streams that know nothing of ext_proc: addresses, health, logs, errors, drain."""

import asyncio
import logging
import socket
import threading

import grpc
import grpc.aio
import pytest

from extproc.protocol.elsewhere import AskAnother
from extproc.transport.grpc_server import GrpcServer
from extproc.transport.health import NOT_SERVING, SERVICE_UNKNOWN, SERVING, Health, asked_service
from extproc.transport.lean_server import LeanServer
from extproc.transport.listen import ListenError
from extproc.transport.methods import HEALTH_CHECK, HEALTH_WATCH, MESSAGE_LIMIT, PROCESS, STREAM_LOGS
from extproc.transport.tls_files import TlsFiles
from tests.transport.hop import dial, pki

PATIENCE = 20.0
EXT_PROC = "envoy.service.ext_proc.v3.ExternalProcessor"


class Upper:
    """Answers in capitals; «bye» ends the stream, «bug» breaks it, «elsewhere» is for another processor."""

    def __init__(self) -> None:
        self.ends = 0

    async def receive(self, data: bytes) -> tuple[bytes | None, bool]:
        if data == b"bug":
            raise LookupError("secret of the caller")
        if data == b"elsewhere":
            raise AskAnother
        return (None if data == b"hush" else data.upper()), data == b"bye"

    def closed(self) -> None:
        self.ends += 1


class Heard:
    def __init__(self) -> None:
        self.fed: list[bytes] = []
        self.ended = asyncio.Event()

    def feed(self, data: bytes) -> None:
        if data == b"bug":
            raise LookupError
        self.fed.append(data)

    def closed(self) -> None:
        assert not self.ended.is_set()
        self.ended.set()


class Running:
    def __init__(self, transport, listen: list[str], tls: TlsFiles | None = None) -> None:
        self.streams: list[Upper] = []
        self.logs: list[Heard] = []
        self.broken: list[BaseException] = []
        more = {"tls": tls} if tls is not None else {}
        self.server = transport(listen, self._stream, self._log, self.broken.append, **more)

    def _stream(self, metadata):
        self.streams.append(Upper())
        return self.streams[-1]

    def _log(self):
        self.logs.append(Heard())
        return self.logs[-1]


@pytest.fixture(params=[GrpcServer, LeanServer])
def transport(request):
    return request.param


HOPS = [(GrpcServer, "unix"), (GrpcServer, "tcp"), (GrpcServer, "tls"), (LeanServer, "unix"), (LeanServer, "tcp")]


@pytest.fixture(params=HOPS, ids=lambda hop: f"{hop[0].__name__}-{hop[1]}")
async def running(request, directory):
    """Every law holds on each kind of hop."""
    transport, kind = request.param
    tls = pki(directory) if kind == "tls" else None
    where = f"unix://{directory}/s" if kind == "unix" else "127.0.0.1:0"
    made = Running(transport, [where], tls and tls.files)
    made.pki = tls
    await made.server.start()
    yield made
    await made.server.drain(0)


@pytest.fixture
async def channel(running):
    async with dial(running.server.addresses[0], running.pki) as made:
        yield made


def process(channel):
    return channel.stream_stream(PROCESS)()


async def hear(call) -> bytes | None:
    heard = await asyncio.wait_for(call.read(), PATIENCE)
    return heard if isinstance(heard, bytes) else None


def health(service: str) -> bytes:
    return b"\x0a" + bytes([len(service)]) + service.encode() if service else b""


async def test_bytes_go_in_and_bytes_come_out_until_the_stream_says_bye(channel, running):
    call = process(channel)
    await call.write(b"a")
    assert await hear(call) == b"A"
    await call.write(b"hush")
    await call.write(b"bye")
    assert await hear(call) == b"BYE"
    assert await call.code() == grpc.StatusCode.OK
    assert running.streams[0].ends == 1


async def test_a_half_close_ends_the_stream(channel, running):
    call = process(channel)
    await call.write(b"a")
    await call.done_writing()
    assert await hear(call) == b"A"
    assert await call.code() == grpc.StatusCode.OK
    assert running.streams[0].ends == 1


async def test_a_stream_that_raises_ends_alone_and_tells_the_peer_nothing(channel, running, caplog):
    healthy, broken = process(channel), process(channel)
    await healthy.write(b"a")
    await broken.write(b"bug")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await hear(broken)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INTERNAL, "the stream cannot go on")
    assert await hear(healthy) == b"A"
    await healthy.write(b"b")
    assert await hear(healthy) == b"B"
    assert [type(error) for error in running.broken] == [LookupError]
    assert running.server.open_streams == 1
    assert caplog.records == []


async def test_what_another_processor_may_know_is_unavailable_here(channel, running):
    call = process(channel)
    await call.write(b"elsewhere")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await hear(call)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    assert running.broken == []


async def test_a_factory_that_raises_ends_only_that_stream(directory, caplog, transport):
    broken: list[BaseException] = []

    def refuse(metadata):
        raise LookupError

    server = transport([f"unix://{directory}/s"], refuse, Heard, broken.append)
    await server.start()
    async with grpc.aio.insecure_channel(server.addresses[0]) as channel:
        call = process(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await hear(call)
    assert [type(error) for error in broken] == [LookupError]
    assert server.open_streams == 0
    await server.drain(0)
    assert caplog.records == []


async def test_open_streams_hold_no_threads(channel, running):
    first = process(channel)
    await first.write(b"a")
    await hear(first)
    before = threading.active_count()
    calls = [process(channel) for _ in range(100)]
    for call in calls:
        await call.write(b"a")
        assert await hear(call) == b"A"
    assert running.server.open_streams == 101
    assert threading.active_count() == before


async def test_log_messages_reach_their_sink_in_order(channel, running):
    call = channel.stream_unary(STREAM_LOGS)()
    for message in (b"1", b"2", b"3"):
        await call.write(message)
    await call.done_writing()
    assert await asyncio.wait_for(call, PATIENCE) == b""
    assert running.logs[0].fed == [b"1", b"2", b"3"]
    assert running.logs[0].ended.is_set()


async def test_a_sink_that_raises_ends_its_stream_with_an_error(channel, running):
    call = channel.stream_unary(STREAM_LOGS)()
    await call.write(b"bug")
    with pytest.raises(grpc.aio.AioRpcError):
        await asyncio.wait_for(call, PATIENCE)
    assert [type(error) for error in running.broken] == [LookupError]
    assert running.logs[0].ended.is_set()


async def test_a_log_stream_that_is_reset_closes_its_sink_quietly(channel, running, caplog):
    call = channel.stream_unary(STREAM_LOGS)()
    await call.write(b"1")
    while not (running.logs and running.logs[0].fed):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait_for(running.logs[0].ended.wait(), PATIENCE)
    assert running.broken == []
    assert caplog.records == []


@pytest.mark.parametrize("service", ["", "liveness", "readiness", EXT_PROC])
async def test_health_serves_for_each_name_that_probes_ask(service, channel):
    assert await channel.unary_unary(HEALTH_CHECK)(health(service)) == SERVING


async def test_health_of_an_unknown_service_is_not_found(channel):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary(HEALTH_CHECK)(health("strange"))
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


async def test_an_unknown_method_is_unimplemented(channel):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary("/strange/Method")(b"")
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_drain_tells_watchers_waits_for_exchanges_and_lets_logs_go_last(directory, transport):
    running = Running(transport, [f"unix://{directory}/s"])
    await running.server.start()
    async with grpc.aio.insecure_channel(running.server.addresses[0]) as channel:
        watch = channel.unary_stream(HEALTH_WATCH)(health("readiness"))
        assert await hear(watch) == SERVING
        log = channel.stream_unary(STREAM_LOGS)()
        await log.write(b"1")
        call = process(channel)
        await call.write(b"a")
        assert await hear(call) == b"A"
        draining = asyncio.ensure_future(running.server.drain(PATIENCE))
        assert await hear(watch) == NOT_SERVING
        assert await hear(watch) is None
        await log.write(b"2")
        await call.write(b"bye")
        assert await hear(call) == b"BYE"
        await asyncio.wait_for(draining, PATIENCE)
        assert await asyncio.wait_for(log, PATIENCE) == b""
    assert running.logs[0].fed == [b"1", b"2"]
    assert running.streams[0].ends == 1
    assert list(directory.iterdir()) == []


LARGE = 40 * 1024 * 1024


@pytest.fixture
async def wide_channel(both):
    limits = [
        ("grpc.max_receive_message_length", 2 * MESSAGE_LIMIT),
        ("grpc.max_send_message_length", 2 * MESSAGE_LIMIT),
    ]
    async with grpc.aio.insecure_channel(both.server.addresses[0], options=limits) as made:
        yield made


async def test_a_large_message_goes_both_ways(wide_channel):
    call = process(wide_channel)
    await call.write(b"a" * LARGE)
    assert await hear(call) == b"A" * LARGE
    await call.write(b"bye")
    assert await hear(call) == b"BYE"
    assert await call.code() == grpc.StatusCode.OK


async def test_a_message_over_the_limit_ends_its_stream_alone(wide_channel):
    healthy, large = process(wide_channel), process(wide_channel)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await large.write(b"x" * (MESSAGE_LIMIT + 1))
        await hear(large)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    await healthy.write(b"a")
    assert await hear(healthy) == b"A"


@pytest.fixture
async def both(directory, transport):
    made = Running(transport, [f"unix://{directory}/s", "127.0.0.1:0"])
    await made.server.start()
    yield made
    await made.server.drain(0)


async def test_a_socket_with_a_living_server_refuses_a_second_one(both, directory, transport):
    with pytest.raises(ListenError, match="another process listens"):
        await Running(transport, [f"unix://{directory}/s"]).server.start()


async def test_a_port_in_use_refuses_a_second_server_and_leaves_no_socket_file(both, directory, transport):
    second = Running(transport, [f"unix://{directory}/t", both.server.addresses[1]])
    with pytest.raises(ListenError, match="in use"):
        await second.server.start()
    assert [path.name for path in directory.iterdir()] == ["s"]


async def test_a_start_that_failed_lets_go_of_every_address(both, directory, transport):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failing = Running(transport, [f"127.0.0.1:{port}", f"unix://{directory}/s"])
    with pytest.raises(ListenError, match="another process listens"):
        await failing.server.start()
    successor = Running(transport, [f"127.0.0.1:{port}"])
    await successor.server.start()
    assert successor.server.addresses == (f"127.0.0.1:{port}",)
    await successor.server.drain(0)


async def test_a_name_may_have_an_address_that_this_machine_lacks(transport, monkeypatch):
    real = socket.getaddrinfo

    def both(host, port, *args, **more):
        lacking = real("192.0.2.7", port, *args, **more) if host == "neighbour.test" else []
        return lacking + real("127.0.0.1" if host == "neighbour.test" else host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", both)
    if transport is GrpcServer:
        pytest.skip("gRPC looks names up by itself")
    running = Running(transport, ["neighbour.test:0"])
    await running.server.start()
    await running.server.drain(0)


async def test_a_drain_asked_for_twice_is_one_drain(directory, transport):
    running = Running(transport, [f"unix://{directory}/s"])
    await running.server.start()
    await asyncio.wait_for(asyncio.gather(running.server.drain(PATIENCE), running.server.drain(0)), PATIENCE)
    assert list(directory.iterdir()) == []


async def test_grpcs_words_about_everyday_resets_are_silent_and_others_are_not(running, caplog):
    grpcs = logging.getLogger("grpc._cython.cygrpc")
    grpcs.warning("Aborting method [%s] due to server stop.", "m")
    grpcs.error("ExecuteBatchError raised in core by servicer method [m]")
    grpcs.error("Unexpected [X] raised by servicer method [m]")
    assert [record.message for record in caplog.records] == ["Unexpected [X] raised by servicer method [m]"]


def test_while_draining_only_liveness_serves():
    made = Health()
    made.drain()
    asked = {name: made.status(health(name)) for name in ("", "liveness", "readiness", EXT_PROC, "strange")}
    assert asked == {
        "": NOT_SERVING,
        "liveness": SERVING,
        "readiness": NOT_SERVING,
        EXT_PROC: NOT_SERVING,
        "strange": SERVICE_UNKNOWN,
    }


@pytest.mark.parametrize(
    ("request_bytes", "service"),
    [
        (b"", ""),
        (b"\x0a\x00", ""),
        (b"\x0a\x01a", "a"),
        (b"\x0a\x05a", None),
        (b"\x12\x01a", None),
        (b"\x0a", None),
        (b"\x0a\x01\xff", None),
    ],
)
def test_a_health_request_names_one_service_or_none(request_bytes, service):
    assert asked_service(request_bytes) == service
