"""Addresses, and who owns a socket's file."""

import os
import socket
import stat
from pathlib import Path

import pytest

from extproc.transport.listen import ListenError, SocketFile, check_port, unix_path


def listener(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    return made


def leave_stale(path: Path) -> None:
    listener(path).close()


def claim(path: Path) -> tuple[SocketFile, socket.socket]:
    held: list[socket.socket] = []
    file = SocketFile(path)
    file.claim(lambda nearby: held.append(listener(nearby)))
    return file, held[0]


@pytest.mark.parametrize(
    ("address", "path"),
    [("unix:///run/s", Path("/run/s")), ("unix:s", Path("s")), ("127.0.0.1:80", None), ("[::1]:80", None)],
)
def test_an_address_is_a_path_or_a_port(address, path):
    assert unix_path(address) == path


def test_a_claimed_path_answers_and_only_its_owner_may_open_it(directory):
    _, held = claim(directory / "s")
    with held, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(directory / "s"))
        assert stat.S_IMODE(os.stat(directory / "s").st_mode) == 0o600
    assert [path.name for path in directory.iterdir()] == ["s"]


def test_a_file_left_by_a_dead_process_is_taken_over(directory):
    leave_stale(directory / "s")
    file, held = claim(directory / "s")
    with held:
        file.release()
    assert list(directory.iterdir()) == []


def test_a_file_that_somebody_answers_on_is_an_error_in_one_line(directory):
    with listener(directory / "s"), pytest.raises(ListenError) as raised:
        claim(directory / "s")
    assert str(raised.value) == f"{directory}/s: another process listens on it"
    assert (directory / "s").exists()


def test_a_file_that_is_no_socket_is_never_removed(directory):
    (directory / "s").write_text("precious")
    with pytest.raises(ListenError, match="is no socket"):
        claim(directory / "s")
    assert (directory / "s").read_text() == "precious"


def test_release_leaves_the_file_of_a_successor(directory):
    file, held = claim(directory / "s")
    held.close()
    _, successor = claim(directory / "s")
    with successor:
        file.release()
        assert (directory / "s").exists()


def test_release_of_a_file_that_is_gone_is_no_error(directory):
    file, held = claim(directory / "s")
    held.close()
    (directory / "s").unlink()
    file.release()
    assert not (directory / "s").exists()


def test_a_path_too_long_for_a_socket_says_so(directory):
    with pytest.raises(ListenError, match="at most 107 bytes"):
        claim(directory / ("s" * 100))


def test_a_missing_directory_says_so(directory):
    with pytest.raises(ListenError, match="no such directory"):
        claim(directory / "nowhere" / "s")


def test_a_port_in_use_is_an_error_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenError) as raised:
            check_port(address)
    assert str(raised.value) == f"{address}: address already in use"


def test_an_address_that_this_host_does_not_have_says_so():
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:0: "):
        check_port("192.0.2.1:0")


def test_a_name_is_fine_when_one_of_its_addresses_is(monkeypatch):
    stream = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    places = [(*stream, ("192.0.2.1", 0)), (*stream, ("127.0.0.1", 0))]
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: asked.append(args) or places)
    check_port("localhost:0")
    assert asked == [("localhost", 0)]


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:http", "127.0.0.1:70000"])
def test_what_is_no_address_says_so(address):
    with pytest.raises(ListenError, match="neither"):
        check_port(address)
