"""Client certificates through the whole gateway: who is let in, and who is known by what."""

import contextlib
import socket
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from tests.dataplane.certificates import DAY, Issued
from tests.envoy.clients_tls import CLIENTS, NAMES, SERVERS, STRANGERS, Place, client, config, https, secured
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually

ALICE = CLIENTS.issue("alice", "second.test", "alice.test", "spiffe://mesh/ns/a", "alice@people.test")
TRICKSTER = CLIENTS.issue("mallory", "spiffe://mesh/x;DNS=alice.test,alice.test")
MACHINE = CLIENTS.issue("machine", "spiffe://mesh/ns/b/sa/worker")
SOMEBODY = CLIENTS.issue("somebody")
CALLERS: list[dict[str, Any]] = [
    {"name": "alice", "certificate": "alice.test"},
    {"name": "bob", "key": "bob-key"},
    {"name": "bound", "key": "bound-key", "certificate": "spiffe://mesh/ns/a"},
    {"name": "machines", "certificate": ["spiffe://mesh/ns/b/*", "CN=robot"]},
]
Connected = tuple[Gateway, dict[str, httpx.Client]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("mtls"))


@pytest.fixture(scope="module")
def connected(place: Place, demos: dict[str, Demo]) -> Iterator[Connected]:
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(secured(place, demos["lab"], clients=CLIENTS, callers=CALLERS))
        shown = {"alice": ALICE, "trickster": TRICKSTER, "machine": MACHINE, "somebody": SOMEBODY}
        yield (
            gateway,
            {name: stack.enter_context(client(place.client(issued, name))) for name, issued in shown.items()},
        )


def asked(connected: Connected, who: str, **headers: str) -> httpx.Response:
    gateway, clients = connected
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return clients[who].post(https(gateway) + CHAT, json=body("m"), headers=said)


@pytest.mark.parametrize(
    ("who", "key", "known"),
    [
        ("alice", None, "alice"),  # by a name that is not the first of its kind
        ("machine", None, "machines"),
        ("alice", "nobody's", "alice"),  # a key that is nobody's is its own: SDKs always send one
        ("alice", "bob-key", "bob"),  # a caller's key says more of a request than its connection does
        ("somebody", "bob-key", "bob"),
        ("alice", "bound-key", "bound"),
        ("machine", "bound-key", None),  # a key that goes with another certificate
        ("somebody", None, None),
        ("somebody", "nobody's", None),
        ("trickster", None, None),  # a name that would be two where names are joined
    ],
)
def test_who_is_known_by_what(connected: Connected, who: str, key: str | None, known: str | None) -> None:
    answer = asked(connected, who, **({"authorization": f"Bearer {key}"} if key else {}))
    assert answer.status_code == (200 if known else 401)
    if known is None:
        assert answer.json()["error"]["code"] == "invalid_api_key"
    else:
        decision = connected[0].decision(answer.headers[names.REQUEST_ID])
        assert decision["caller"] == known


def test_a_certificate_cannot_be_sent_and_goes_nowhere(connected: Connected, lab: Demo) -> None:
    pem = urllib.parse.quote(ALICE.certificate.decode())
    said = {"x_extproc_ctl_peer": pem, "x_forwarded_client_cert": f'Cert="{pem}"'}
    assert asked(connected, "somebody", **said).status_code == 401
    assert asked(connected, "alice", **said).status_code == 200
    assert pem not in str(lab.last()["headers"])
    gateway, clients = connected
    own = {"authorization": f"Bearer {lab.key}"}
    assert clients["alice"].get(https(gateway) + "/shop/models", headers=own).status_code == 200
    assert "CERTIFICATE" not in str(lab.last()["headers"])


def let_in(gateway: Gateway, context: ssl.SSLContext) -> bool:
    try:
        with client(context) as connected:
            return connected.get(https(gateway) + "/v1/models", headers={"x-api-key": "bob-key"}).status_code == 200
    except (httpx.HTTPError, ssl.SSLError):
        return False


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(
    ("shown", "taken"),
    [
        (ALICE, True),
        (None, False),
        (STRANGERS.issue("alice", "alice.test"), False),
        (CLIENTS.issue("alice", "alice.test", begins=-2 * DAY, ends=-timedelta(hours=1)), False),
        (CLIENTS.issue("alice", "alice.test", begins=DAY), False),
    ],
    ids=["good", "none", "another CA's", "expired", "not yet"],
)
def test_who_is_let_in(connected: Connected, place: Place, shown: Issued | None, taken: bool, version: str) -> None:
    """A good key helps nobody whose handshake fails."""
    context = place.client(shown, "tried")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    assert let_in(connected[0], context) is taken


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_certificate_that_has_expired_is_not_let_in_by_an_old_session(
    connected: Connected, place: Place, version: str
) -> None:
    gateway = connected[0]
    context = place.client(CLIENTS.issue("short", ends=timedelta(seconds=6)), "short")
    began = time.monotonic()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

    def answered(session: ssl.SSLSession | None = None) -> tuple[bytes, ssl.SSLSession | None]:
        connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
        with context.wrap_socket(connection, server_hostname="gateway.test", session=session) as secure:
            secure.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: bob-key\r\nconnection: close\r\n\r\n")
            return secure.recv(12), secure.session

    said, session = answered()
    assert said == b"HTTP/1.1 200"
    time.sleep(max(7.0 - (time.monotonic() - began), 0.0))  # its end is a whole second of the clock
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        assert answered(session)[0] == b""


def test_without_callers_whoever_shows_a_certificate_is_served_from_anywhere(
    demos: dict[str, Demo], tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.put_server(SERVERS.issue("first", *NAMES))
    document = config(demos["lab"], place.listen(clients=CLIENTS))
    with running(document, "--host", "0.0.0.0") as gateway, client(place.client(SOMEBODY)) as connected:
        assert connected.post(https(gateway) + CHAT, json=body("m")).status_code == 200
        without = config(demos["lab"], place.listen())
        before = gateway.hash
        gateway.write_config(without)  # now anybody could spend the keys
        eventually(lambda: "without `callers`" in str(gateway.status()["config"]["error"]), "its refusal")
        assert gateway.hash == before
        # a caller by certificate is added while a connection is open
        gateway.reload({**document, "callers": [{"name": "all", "certificate": "*"}]})
        eventually(lambda: connected.post(https(gateway) + CHAT, json=body("m")).status_code == 200, "an answer")
