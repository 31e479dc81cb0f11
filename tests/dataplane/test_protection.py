"""What protects the gateway from clients, on a real Envoy: sizes, times, and how much one address may."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from extproc import names
from extproc.snapshot import AddressLimit, Limits, Listen, ListenLimits, PathMatch
from tests.dataplane.envoy import Running, eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering
from tests.envoy.raw import Answer, exchange

pytestmark = pytest.mark.envoy
CHAT = b"/v1/chat/completions"
FLOODED, ANOTHER = "127.0.0.1", "127.0.0.2"
BURST = 5
UPSTREAM = Upstream()
Limited = tuple[Running, Processor]


@contextmanager
def limited(listen: Listen, limits: Limits | None = None, first: bytes = b"") -> Iterator[Limited]:
    with answering(UPSTREAM):
        made = snapshot(
            provider("good", UPSTREAM.endpoint),
            service("shop", UPSTREAM.endpoint),
            to_service("shop", PathMatch("prefix", "/shop")),
            llm(),
        )
        made = replace(made, listen=listen, limits=limits or Limits())
        with running(made) as envoy, serving(Processor(), envoy.place) as processor:
            eventually(lambda: ask(envoy, ANOTHER, first + get()).status == 200, within=10)
            yield envoy, processor


@pytest.fixture(scope="module")
def small() -> Iterator[Limited]:
    listen = Listen(limits=ListenLimits(headers_timeout=1.0, request_timeout=2.0, idle_timeout=2.0))
    with limited(listen, Limits(headers=8 * 1024, header_count=40)) as it:
        yield it


@pytest.fixture
def per_address() -> Iterator[Limited]:
    with limited(Listen(limits=ListenLimits(per_address=AddressLimit(1, BURST)))) as it:
        yield it


def get(path: bytes = b"/v1/models", *headers: bytes) -> bytes:
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"host: x", b"x-plan: good", *headers]) + b"\r\n\r\n"


def ask(envoy: Running, address: str, sent: bytes | None = None) -> Answer:
    """One request, from this address of the machine's own."""
    return exchange(envoy.place.port, sent or get(), 10.0, source=address)


def code(answer: Answer) -> str:
    return str(json.loads(answer.rest)["error"]["code"])


# --- one address -----------------------------------------------------------------------------------------------------


def test_a_flood_of_one_address_is_refused_and_another_is_served(per_address: Limited) -> None:
    """429 in JSON with Retry-After, before the processor is asked; the other never notices."""
    envoy, processor = per_address
    eventually(lambda: ask(envoy, FLOODED).status == 429)
    processor.told.clear()
    flood = [ask(envoy, FLOODED) for _ in range(40)]
    refused = [answer for answer in flood if answer.status == 429]
    assert len(refused) >= 20 and all(code(answer) == "too_many_requests" for answer in refused)
    assert b"\r\nretry-after: 1\r\n" in refused[0].head and b"x-should-retry" not in refused[0].head
    told = [headers for name, headers in processor.told if name == names.FILTER_ROUTER]
    assert len(told) == len(flood) - len(refused)
    assert ask(envoy, ANOTHER).status == 200
    assert eventually(lambda: ask(envoy, FLOODED).status == 200)  # its bucket fills again


def test_a_flooded_service_is_refused_in_plain_words(per_address: Limited) -> None:
    """Its callers speak no dialect of ours."""
    envoy, _ = per_address
    answer = eventually(lambda: found if (found := ask(envoy, FLOODED, get(b"/shop/x"))).status == 429 else None)
    assert answer is not None and b"content-type: text/plain" in answer.head and b"retry-after: 1" in answer.head
    assert answer.rest == b"Too many requests from this address.\n"


def test_a_flood_fills_no_log(per_address: Limited) -> None:
    """No record for the processor, and only some lines of the access log."""
    envoy, processor = per_address
    sent = 300
    refused = [answer.status for answer in (ask(envoy, FLOODED) for _ in range(sent))].count(429)
    assert refused > sent // 2
    assert ask(envoy, ANOTHER, get(b"/shop/last")).status == 200
    assert eventually(lambda: [line for line in envoy.log() if line["path"] == "/shop/last"])
    assert len([line for line in envoy.log() if line["status"] == 429]) < refused // 4
    assert [entry for _, entry in processor.records if entry.response.response_code.value == 429] == []


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        get(b"/v1/models", b"x-large: " + b"a" * 20_000),
        get(b"/v1/models", *(b"x-%d: 1" % number for number in range(60))),
        get(b"/v1/" + b"a" * 20_000),
        get(b"/shop/" + b"a" * 20_000),
    ],
    ids=["a large header", "many headers", "a long path", "a long path of a service"],
)
def test_too_large_or_too_many_headers_are_431(small: Limited, sent: bytes) -> None:
    """In JSON, so that an SDK shows it; nobody is asked, and the next is served."""
    envoy, processor = small
    processor.told.clear()
    answer = ask(envoy, FLOODED, sent)
    assert (answer.status, code(answer)) == (431, "headers_too_large")
    assert processor.told == []
    assert ask(envoy, FLOODED).status == 200


def test_headers_within_the_limits_pass(small: Limited) -> None:
    """Just below both."""
    envoy, _ = small
    assert ask(envoy, FLOODED, get(b"/v1/models", b"x-large: " + b"a" * 7_000)).status == 200
    assert ask(envoy, FLOODED, get(b"/v1/models", *(b"x-%d: 1" % number for number in range(30)))).status == 200


# --- times -----------------------------------------------------------------------------------------------------------


def drip(envoy: Running, beginning: bytes, drop: bytes) -> tuple[bytes, float]:
    """Sends some bytes now and then until the other side has enough; what it said, and after how long."""
    got, began = b"", time.monotonic()
    with socket.create_connection(("127.0.0.1", envoy.place.port), timeout=0.1) as connection:
        connection.sendall(beginning)
        while time.monotonic() - began < 20:
            try:
                part = connection.recv(65536)
                got += part
                if not part or b"\r\n\r\n" in got:
                    break
            except TimeoutError:
                connection.sendall(drop)
            except ConnectionError:
                break
    return got, time.monotonic() - began


def test_dripping_headers_are_ended(small: Limited) -> None:
    """However busy the line looks; others are served meanwhile."""
    envoy, processor = small
    processor.told.clear()
    got, took = drip(envoy, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n", b"x-a: 1\r\n")
    assert got.startswith(b"HTTP/1.1 408") and b'"request_timeout"' in got and took < 15
    assert processor.told == [] and ask(envoy, FLOODED).status == 200


@pytest.mark.parametrize("path", [CHAT, b"/shop/x"])
def test_a_dripping_body_is_ended(small: Limited, path: bytes) -> None:
    """On a route that reads it and on one that does not."""
    envoy, _ = small
    head = b"POST %b HTTP/1.1\r\nhost: x\r\nx-plan: good\r\ncontent-length: 100000\r\n\r\n{" % path
    got, took = drip(envoy, head, b" ")
    assert got.startswith(b"HTTP/1.1 408") and took < 15
    assert ask(envoy, FLOODED).status == 200


def test_a_slow_answer_is_none_of_the_requests_time(small: Limited) -> None:
    """A stream may last longer than a request may take to come."""
    envoy, _ = small
    UPSTREAM.headers, UPSTREAM.chunks, UPSTREAM.pause = (
        {"content-type": "text/event-stream"},
        (b"data: 1\n\n",) * 6,
        0.5,
    )
    try:
        headers = {"x-plan": "good", "content-type": "application/json"}
        answer = envoy.ask("POST", CHAT.decode(), headers, b'{"stream":true}')
    finally:
        UPSTREAM.headers, UPSTREAM.chunks, UPSTREAM.pause = {"content-type": "application/json"}, None, 0.0
    assert answer.status == 200 and answer.body.count(b"data: 1") == 6


def test_an_idle_connection_is_closed(small: Limited) -> None:
    """Without a word."""
    envoy, _ = small
    with socket.create_connection(("127.0.0.1", envoy.place.port), timeout=15) as connection:
        assert connection.recv(1) == b""


def test_new_connections_have_a_rate() -> None:
    """Those above it are closed before a byte is read; a moment later others are let in."""
    with limited(Listen(limits=ListenLimits(connections_per_second=3))) as (envoy, _):
        statuses = [ask(envoy, FLOODED).status for _ in range(40)]
        assert 0 in statuses and set(statuses) <= {0, 200}
        assert eventually(lambda: ask(envoy, FLOODED).status == 200)


# --- behind a load balancer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hops", "told"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")])
def test_as_many_proxies_are_believed_as_are_written(hops: int, told: str) -> None:
    """Each adds to x-forwarded-for on the right; what the client itself wrote stands left of it all."""
    with limited(Listen(trusted_hops=hops)) as (envoy, _):
        ask(envoy, FLOODED, get(b"/shop/hops", b"x-forwarded-for: 192.0.2.1, 198.51.100.7, 203.0.113.9"))
        (line,) = eventually(lambda: [one for one in envoy.log() if one["path"] == "/shop/hops"])
        assert line["source"] == told


def test_a_trusted_hop_gives_a_client_none_of_envoys_powers() -> None:
    """Neither an address that looks internal nor a header of Envoy's steers anything."""
    with limited(Listen(trusted_hops=1)) as (envoy, _):
        UPSTREAM.asked.clear()
        forged = (b"x-forwarded-for: 10.0.0.9", b"x-envoy-max-retries: 9", b"x-request-id: chosen")
        assert ask(envoy, FLOODED, get(b"/shop/x", *forged, b"x-envoy-internal: true")).status == 200
        ((_, _, headers, _),) = UPSTREAM.asked
        assert headers["x-request-id"] != "chosen"
        assert [name for name in headers if name.startswith("x-envoy-")] == []


def test_each_address_behind_a_proxy_has_its_own_limit() -> None:
    """And not the proxy's."""
    listen = Listen(trusted_hops=1, limits=ListenLimits(per_address=AddressLimit(1, BURST)))
    with limited(listen) as (envoy, _):
        one, other = (get(b"/shop/x", b"x-forwarded-for: 203.0.113.%d" % last) for last in (1, 2))
        assert eventually(lambda: ask(envoy, FLOODED, one).status == 429)
        assert ask(envoy, FLOODED, other).status == 200


def test_addresses_of_ipv6_are_limited_by_site() -> None:
    """Who has a /64 has 2^64 addresses."""
    listen = Listen(trusted_hops=1, limits=ListenLimits(per_address=AddressLimit(1, BURST)))
    with limited(listen) as (envoy, _):
        numbers = iter(range(1, 1_000))

        def asked(site: bytes) -> int:
            return ask(envoy, FLOODED, get(b"/shop/x", b"x-forwarded-for: %b::%x" % (site, next(numbers)))).status

        assert eventually(lambda: asked(b"2001:db8:1:1") == 429)
        assert asked(b"2001:db8:1:2") == 200


def test_the_proxy_protocol_says_who_calls() -> None:
    """Version 1 and 2; a connection without it is closed."""
    with limited(Listen(proxy_protocol=True), first=b"PROXY UNKNOWN\r\n") as (envoy, _):
        v1 = b"PROXY TCP4 203.0.113.5 127.0.0.1 1234 80\r\n"
        signature = b"\r\n\r\n\x00\r\nQUIT\n"
        v2 = signature + b"\x21\x11\x00\x0c" + bytes([203, 0, 113, 6, 127, 0, 0, 1]) + b"\x04\xd2\x00\x50"
        assert ask(envoy, FLOODED, v1 + get(b"/shop/v1")).status == 200
        assert ask(envoy, FLOODED, v2 + get(b"/shop/v2")).status == 200
        assert ask(envoy, FLOODED, get(b"/shop/none")).status == 0
        assert eventually(lambda: {"/shop/v1", "/shop/v2"} <= {line["path"] for line in envoy.log()})
        sources = {line["path"]: line["source"] for line in envoy.log()}
        assert (sources["/shop/v1"], sources["/shop/v2"]) == ("203.0.113.5", "203.0.113.6")
        assert "/shop/none" not in sources
