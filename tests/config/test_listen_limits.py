"""What is written of clients and of scripts, as the snapshot holds it."""

from pathlib import Path

import pytest

from extproc.snapshot import AddressLimit, Cors, Limits, ListenLimits
from tests.config.places import LAB, snapshot

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def with_listen(directory: Path, text: str, more: str = "") -> str:
    return f"providers: {{{LAB}}}\nlisten: {{{text}}}\n{more}"


def test_left_out_they_are_what_the_page_says(tmp_path: Path) -> None:
    """Nobody is limited by address, and no script may call."""
    made = snapshot(tmp_path, f"providers: {{{LAB}}}\n")
    assert made.listen.limits == ListenLimits() and made.limits == Limits()
    assert (made.listen.cors, made.listen.trusted_hops, made.listen.proxy_protocol) == (None, 0, False)


def test_all_limits_are_taken(tmp_path: Path) -> None:
    """A burst is two seconds' worth where none is written."""
    text = (
        "limits: {connections: 10, connections_per_second: 5, streams_per_connection: 7, headers_timeout: 1500ms, "
        "request_timeout: 2m, idle_timeout: 3s, memory: 64MiB, per_address: {requests_per_second: 4}}, "
        "trusted_hops: 2, proxy_protocol: true"
    )
    made = snapshot(tmp_path, with_listen(tmp_path, text, "limits: {headers: 8KiB, header_count: 50}\n"))
    assert made.listen.limits == ListenLimits(10, 5, 7, AddressLimit(4, 8), 1.5, 120.0, 3.0, 64 << 20)
    assert (made.listen.trusted_hops, made.listen.proxy_protocol) == (2, True)
    assert (made.limits.headers, made.limits.header_count) == (8192, 50)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("https://*.example.com", "https://*.example.com"),
        ("http://localhost:*", "http://localhost:*"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("*", "*"),
    ],
)
def test_an_origin_is_as_a_browser_writes_it(tmp_path: Path, written: str, meant: str) -> None:
    """In lower case, without the scheme's own port."""
    made = snapshot(tmp_path, with_listen(tmp_path, f"cors: {{origins: '{written}'}}"))
    assert made.listen.cors == Cors((meant,), METHODS)


def test_a_policy_is_taken_whole(tmp_path: Path) -> None:
    """Methods in upper case and headers in lower, as they are compared."""
    text = (
        "cors: {origins: ['https://a.example', 'https://b.example', 'https://a.example'], methods: [get], "
        "headers: [X-Own], expose: [X-Told], max_age: 1h, credentials: true}"
    )
    made = snapshot(tmp_path, with_listen(tmp_path, text))
    origins = ("https://a.example", "https://b.example")
    assert made.listen.cors == Cors(origins, ("GET",), ("x-own",), ("x-told",), 3600.0, True)


def test_a_route_of_any_kind_may_have_its_own(tmp_path: Path) -> None:
    """Or none; left out it is the general one."""
    routes = """\
services: {shop: {endpoints: ['http://127.0.0.1:9']}}
routes:
  - {match: {path: /a}, service: shop, cors: none}
  - {match: {path: /b}, redirect: /c, cors: {origins: '*'}}
  - {cors: {origins: 'https://a.example', methods: [POST]}}
  - {match: {path: /d}}
"""
    made = snapshot(tmp_path, f"providers: {{{LAB}}}\n{routes}")
    found = [route.cors for route in made.routes]
    assert found == [Cors(), Cors(("*",), METHODS), Cors(("https://a.example",), ("POST",)), None]
