"""The benchmarks' pieces, without Envoy: what counts as failed, what ends, and the shape of the rows."""

import asyncio
import json
import math
import re
import sys
from pathlib import Path

import pytest

from bench.client import Call, Run, drive
from bench.gateway import COLUMNS, KINDS, Figures, Report, cells, middle
from bench.processes import cpu_seconds, memory_mib, running
from bench.scene import LONG, chat, gateway_configuration, prose, upstream_envoy
from extproc.config.load import load

RIGHT = b"HTTP/1.1 200 OK\r\nX-Who: me\r\nContent-Length: 5\r\n\r\nhello"
IN_CHUNKS = b"HTTP/1.1 200 OK\r\nx-who: me\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
ERROR = b"HTTP/1.1 500 Oh\r\nx-who: me\r\ncontent-length: 5\r\n\r\nhello"
SOMEBODY_ELSE = b"HTTP/1.1 200 OK\r\nx-who: you\r\ncontent-length: 5\r\n\r\nhello"
CUT = b"HTTP/1.1 200 OK\r\nx-who: me\r\ncontent-length: 50\r\n\r\nhello"
CALL = Call(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", in_head=b"x-who: me", in_body=b"hello")


async def _driven(answers: list[bytes], requests: int, connections: int) -> Run:
    """Against a server that gives these answers in turn, and hangs up behind one that is cut."""
    left = iter(answers * requests)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            answer = next(left)
            writer.write(answer)
            if answer is CUT:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await drive(port, CALL, connections=connections, requests=requests)


@pytest.mark.parametrize("answer", [RIGHT, IN_CHUNKS])
async def test_right_answers_are_counted_and_timed(answer: bytes) -> None:
    """Whole, 200, from whom it was meant for: with a length or in chunks, over several connections."""
    run = await _driven([answer], requests=20, connections=4)
    assert (run.requests, run.failed, len(run.latencies)) == (20, 0, 20)
    assert 0 < run.percentile(0.5) <= run.percentile(0.99) <= run.seconds


@pytest.mark.parametrize("wrong", [ERROR, SOMEBODY_ELSE, CUT, b"nonsense\r\n\r\n"])
async def test_everything_else_has_failed_and_is_not_timed(wrong: bytes) -> None:
    """An error, another target's answer, half of one, no HTTP at all: every second request here."""
    run = await _driven([RIGHT, wrong], requests=20, connections=1)
    assert (run.requests, run.failed, len(run.latencies)) == (20, 10, 10)
    assert run.per_second == pytest.approx(10 / run.seconds)


async def test_an_error_that_was_meant_is_right_and_another_is_not() -> None:
    """What is measured may be an error: then that one, and from whom it was meant for."""
    meant = Call(CALL.request, in_head=b"x-who: me", in_body=b"hello", status=b"500")
    assert [meant.right(*each.split(b"\r\n\r\n")) for each in (ERROR, RIGHT)] == [True, False]


def test_a_run_in_which_all_failed_has_no_latency() -> None:
    """Not zero, which would be the best of all."""
    assert math.isnan(Run(3, 3, 1.0, ()).percentile(0.5))


def test_rows_have_the_columns_and_the_plain_envoy_is_the_measure() -> None:
    """Latency is told as what is added, throughput as a share, and a second plain one is the measure behind it."""
    plain, ours = Figures(0, 100, 0.4, 8000, 0, plain=True), Figures(900, 500, 2.4, 800, 2)
    longer = Figures(0, 200, 0.4, 4000, 0, plain=True)
    rows = cells(Report({"plain": plain, "chat": ours, "longer": longer, "long chat": ours}, 80, 70))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 4
    assert rows[1] == ("chat", "900", "500", "5.0", "2.40", "+2.00", "800", "0.100", "2")
    assert rows[3] == ("long chat", "900", "500", "2.5", "2.40", "+2.00", "800", "0.200", "2")


def test_rounds_become_their_median_but_failures_their_sum() -> None:
    """A failure in one round is not outvoted."""
    rounds = [Figures(3, 3, 3, 3, 0), Figures(1, 1, 1, 1, 1), Figures(9, 9, 9, 9, 0)]
    assert middle(rounds) == Figures(3, 3, 3, 3, 1)


def test_the_gateway_that_is_measured_has_a_valid_configuration(tmp_path: Path) -> None:
    """And the first kind of exchange is the plain Envoy, with which all others are compared."""
    file = tmp_path / "extproc.yaml"
    file.write_text(json.dumps(gateway_configuration(tmp_path)))
    assert load(file, {}).problems == ()
    assert KINDS[0].plain
    long = [kind.plain for kind in KINDS if len(kind.call.request) > LONG]
    assert long == [True, False]


def test_every_socket_of_the_configuration_is_answered_on(tmp_path: Path) -> None:
    """A provider without an upstream would be a row of failures."""
    wanted = set(re.findall(r"([\w-]+)\.sock", json.dumps(gateway_configuration(tmp_path))))
    assert wanted == set(re.findall(r"([\w-]+)\.sock", json.dumps(upstream_envoy(tmp_path))))


def test_a_prompt_is_as_long_as_asked_and_always_the_same() -> None:
    """And not one phrase again and again, which a tokenizer would count faster than what people write."""
    assert len(prose(LONG).encode()) == LONG and prose(LONG) == prose(LONG)
    assert prose(LONG).count(prose(LONG)[:100]) == 1


def test_a_chat_says_how_long_it_is() -> None:
    """Envoy would wait for the rest, or take it for the next request."""
    head, _, body = chat("m").request.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head


def test_a_child_is_accounted_for_and_ended_also_when_we_are_interrupted(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a measurement leaves nothing running."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(KeyboardInterrupt), running(command, tmp_path / "log") as child:
        assert cpu_seconds(child.pid) >= 0 and memory_mib(child.pid) > 0
        raise KeyboardInterrupt
    assert child.returncode is not None
