"""Where the admin endpoints listen: clear words where they cannot, private files where they can."""

import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from extproc.api.listening import AddressInUse, HttpServer, free_or_raise, listening_socket
from extproc.api.processor import processor_app

APP = processor_app(ready=lambda: {"status": "ready"}, metrics=lambda: b"", health=dict, pages={})


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, because a socket's path holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="x", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_said_in_one_line(taken: int) -> None:
    with pytest.raises(AddressInUse, match=rf"^127\.0\.0\.1:{taken} is in use by another program$"):
        listening_socket(f"127.0.0.1:{taken}")
    with pytest.raises(AddressInUse, match=rf"^127\.0\.0\.1:{taken} is in use .* choose another with --port$"):
        free_or_raise("127.0.0.1", taken, "--port")


def test_a_free_port_is_left_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    free_or_raise("127.0.0.1", port, "--port")
    with listening_socket(f"127.0.0.1:{port}") as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


@pytest.mark.parametrize("address", ["8081", "nonsense", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(AddressInUse, match=r"neither unix:///path nor host:port"):
        listening_socket(address)


@pytest.mark.parametrize("address", ["203.0.113.1:0", "no-such-host.invalid:0"])
def test_an_address_that_is_not_ours_is_said(address: str) -> None:
    with pytest.raises(AddressInUse, match=f"^cannot listen on {address}: ."):
        listening_socket(address)


def test_a_socket_in_no_directory_is_said(directory: Path) -> None:
    with pytest.raises(AddressInUse, match=r"No such file"):
        listening_socket(f"unix://{directory}/gone/admin")


async def test_a_unix_socket_is_the_owners_alone_answers_and_goes_with_the_server(directory: Path) -> None:
    path = directory / "admin"
    server = HttpServer(APP, f"unix://{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await server.start()
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://processor") as http:
        assert (await http.get("/readyz")).json() == {"status": "ready"}
    await server.stop()
    assert not path.exists()


async def test_a_socket_that_a_dead_process_left_is_taken_over(directory: Path) -> None:
    path = directory / "admin"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = HttpServer(APP, f"unix://{path}")
    await server.start()
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://p") as http:
        assert (await http.get("/healthz")).status_code == 200
    await server.stop()


async def test_a_server_on_tcp_answers_and_lets_its_port_go() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = HttpServer(APP, f"127.0.0.1:{port}")
    await server.start()
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
    await server.stop()
    free_or_raise("127.0.0.1", port, "--port")


async def test_a_server_that_was_never_started_can_be_stopped(directory: Path) -> None:
    server = HttpServer(APP, f"unix://{directory}/admin")
    await server.stop()
    assert list(directory.iterdir()) == []
