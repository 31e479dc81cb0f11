"""Envoy's memory is almost full: nothing new is taken, and what runs goes on."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from extproc.dataplane.overload import MIB, connections, heap_limit, overload_manager
from extproc.snapshot import Listen, ListenLimits
from tests.dataplane.envoy import Running, eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering
from tests.envoy.raw import exchange, post

LIMIT = 80 * MIB
PIECE = 8 * MIB
GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("memory", "limit"), [(256 * MIB, 128 * MIB), (512 * MIB, 256 * MIB), (GIB, GIB // 2), (8 * GIB, 5888 * MIB)]
)
def test_the_processor_keeps_its_part(memory: int, limit: int) -> None:
    """Half of a small container, all but a quarter and 256 MiB of a large one."""
    assert heap_limit(memory) == limit


@pytest.mark.parametrize(("descriptors", "possible"), [(None, 50_000), (200_000, 50_000), (20_000, 9_744), (256, 1)])
def test_no_more_connections_than_there_are_descriptors_for(descriptors: int | None, possible: int) -> None:
    """Each request has two, and a few are ours."""
    assert connections(50_000, descriptors) == possible


def test_a_written_limit_goes_before_a_found_one() -> None:
    """And where neither is known the heap is not watched."""

    def watched(written: int | None, found: int | None) -> list[object]:
        monitors = overload_manager(ListenLimits(memory=written), found, None)["resource_monitors"]
        return [one["typed_config"].get("max_heap_size_bytes") for one in monitors][1:]

    assert (watched(LIMIT, GIB), watched(None, GIB), watched(None, None)) == ([LIMIT], [GIB // 2], [])


# --- on a real Envoy -------------------------------------------------------------------------------------------------


class Hogs:
    """Clients that send the beginning of a large body and keep it at that, one after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._gather, daemon=True)

    def _gather(self) -> None:
        head = post(b"", b"content-length: %d" % (PIECE + 1), b"x-plan: good", framed=False)
        while not self._enough.wait(0.02):
            hog = socket.create_connection(("127.0.0.1", self._port), timeout=2)
            self._open.append(hog)
            try:
                hog.sendall(head + b"x" * PIECE)
            except OSError:
                continue

    def __enter__(self) -> "Hogs":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(10)
        for hog in self._open:
            hog.close()


@contextmanager
def scene(upstream: Upstream) -> Iterator[Running]:
    with answering(upstream):
        made = replace(
            snapshot(provider("good", upstream.endpoint), llm()), listen=Listen(limits=ListenLimits(memory=LIMIT))
        )
        with running(made) as envoy, serving(Processor(), envoy.place):
            eventually(lambda: is_served(envoy), within=10)
            yield envoy


def is_served(envoy: Running) -> bool:
    return envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200


@pytest.mark.envoy
def test_when_memory_is_almost_full_new_requests_are_refused_and_old_streams_go_on() -> None:
    """503 in JSON, with Retry-After, that an SDK tries again; and all is well when the memory is free again."""
    upstream = Upstream(headers={"content-type": "text/event-stream"}, chunks=(b"data: 1\n\n",) * 30, pause=0.1)
    streamed: list[bytes] = []

    def listen(envoy: Running) -> None:
        headers = {"x-plan": "good", "content-type": "application/json"}
        streamed.append(envoy.ask("POST", "/v1/chat/completions", headers, b'{"stream":true}').body)

    with scene(upstream) as envoy:
        listener = threading.Thread(target=listen, args=(envoy,), daemon=True)
        listener.start()
        assert eventually(lambda: [one for one in upstream.asked if one[0] == "POST"])
        upstream.chunks = None
        asked = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-plan: good\r\n\r\n"
        with Hogs(envoy.place.port):
            refused = eventually(
                lambda: got if (got := exchange(envoy.place.port, asked)).status == 503 else None, within=30
            )
        assert refused is not None and json.loads(refused.rest)["error"]["code"] == "overloaded"
        assert b"retry-after: 2" in refused.head and b"x-should-retry" not in refused.head
        assert eventually(lambda: is_served(envoy), within=20)
        listener.join(30)
        assert streamed == [b"data: 1\n\n" * 30]
