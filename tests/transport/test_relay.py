"""Siblings that tell each other: all hear, in order; who is gone is noticed; who does not listen hurts nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from extproc.transport import relay as relays
from extproc.transport.relay import HELLO, Relay

PATIENCE = 10.0


class One:
    """A sibling, and what it heard. All of a test's are of one process, so each is given a name."""

    def __init__(self, directory: Path, number: int) -> None:
        self.heard: list[tuple[str, int, bytes]] = []
        self.left: list[str] = []
        self.lost = 0
        self.relay = Relay(directory, lambda *told: self.heard.append(told), self.left.append, self._lose)
        self.relay.name = f"{number}.sock"

    def _lose(self, count: int) -> None:
        self.lost += count

    def said_by(self, other: "One") -> list[bytes]:
        return [message for name, kind, message in self.heard if name == other.relay.name and kind != HELLO]

    def knows(self, *others: "One") -> bool:
        return {other.relay.name for other in others} == set(self.relay.siblings)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
async def three(directory: Path) -> AsyncIterator[list[One]]:
    """Started at the same moment."""
    made = [One(directory, number) for number in (1, 2, 3)]
    await asyncio.gather(*(one.relay.start(f"hello of {one.relay.name}".encode()) for one in made))
    await until(lambda: all(one.knows(*(other for other in made if other is not one)) for one in made))
    yield made
    for one in made:
        await one.relay.close()


async def test_those_that_start_at_once_find_each_other(three: list[One]) -> None:
    await until(lambda: all(len([1 for _, kind, _ in one.heard if kind == HELLO]) == 2 for one in three))
    assert ("1.sock", HELLO, b"hello of 1.sock") in three[2].heard


async def test_all_hear_what_one_says_in_its_order(three: list[One]) -> None:
    said = [b"", b"a", b"b" * 300_000, b"c"]
    for message in said:
        three[0].relay.tell(7, message)
    await until(lambda: three[1].said_by(three[0]) == said and three[2].said_by(three[0]) == said)
    assert three[0].said_by(three[0]) == []


async def test_one_alone_can_be_told(three: list[One]) -> None:
    three[0].relay.tell(7, b"all")
    three[0].relay.tell_one("2.sock", 7, b"you")
    await until(lambda: three[1].said_by(three[0]) == [b"all", b"you"] and three[2].said_by(three[0]) == [b"all"])


async def test_who_leaves_is_noticed_and_told_nothing_more(three: list[One]) -> None:
    await three[2].relay.close()
    await until(lambda: three[0].left == three[1].left == ["3.sock"])
    assert three[0].knows(three[1])


async def test_a_socket_that_a_dead_one_left_is_passed_over(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(directory / "9.sock"))
    one = One(directory, 1)
    await one.relay.start(b"")
    assert one.relay.alone
    one.relay.tell(7, b"nobody hears")
    await one.relay.close()


async def test_who_does_not_listen_loses_and_the_teller_waits_for_nobody(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sibling that hangs: its socket's buffer fills, then ours; what finds no room is counted."""
    monkeypatch.setattr(relays, "ROOM", 100_000)
    hangs = await asyncio.start_unix_server(lambda reader, writer: asyncio.sleep(60), directory / "9.sock", limit=1)
    one, other = One(directory, 1), One(directory, 2)
    await one.relay.start(b"")
    await other.relay.start(b"")
    await until(lambda: "2.sock" in one.relay.siblings and "9.sock" in one.relay.siblings)
    count = 0
    while not one.lost:
        one.relay.tell(7, b"x" * 50_000, at_once=True)
        count += 1
        await until(lambda: len(other.said_by(one)) == count)  # noqa: B023
        assert count < 1_000
    await one.relay.close()
    await other.relay.close()
    hangs.close()


async def test_who_speaks_another_language_is_hung_up_on(directory: Path) -> None:
    one = One(directory, 1)
    await one.relay.start(b"")
    reader, writer = await asyncio.open_unix_connection(directory / "1.sock")
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    writer.close()
    assert one.heard == []
    await one.relay.close()
