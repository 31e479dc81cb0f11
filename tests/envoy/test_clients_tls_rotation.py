"""The listener's certificate, and the CA of its clients, rotate under load: no request fails, new handshakes see the
new ones, and what is open goes on."""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from tests.dataplane.certificates import DAY, Ca, Issued
from tests.envoy.clients_tls import CLIENTS, NAMES, SERVERS, Place, client, https, secured
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway
from tests.envoy.processes import eventually

NEXT = Ca("the next clients")
EXPIRY = "extproc_certificate_expiry_timestamp_seconds"


def shown(gateway: Gateway, context: ssl.SSLContext) -> str:
    """The common name in the certificate of a new handshake."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    with context.wrap_socket(connection, server_hostname="gateway.test") as secure:
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).subject.rfc4514_string().removeprefix("CN=")


@contextmanager
def load(gateway: Gateway, context: Callable[[], ssl.SSLContext]) -> Iterator[Counter[str]]:
    """One client that keeps its connection, one with a connection for each request, one with streams."""
    seen: Counter[str] = Counter()
    stop = threading.Event()

    def told(kind: str, ask: Callable[[], httpx.Response]) -> None:
        try:
            answer = ask()
            whole = answer.status_code == 200 and (kind != "stream" or answer.text.rstrip().endswith("[DONE]"))
            seen[f"{kind} ok" if whole else f"{kind} {answer.status_code}"] += 1
        except httpx.HTTPError as error:
            seen[f"{kind} {type(error).__name__}"] += 1

    def keeping() -> None:
        with client(context()) as one:
            while not stop.is_set():
                told("kept", lambda: one.post(https(gateway) + CHAT, json=body("m")))

    def anew() -> None:
        while not stop.is_set():
            with client(context()) as one:
                told("new", lambda: one.post(https(gateway) + CHAT, json=body("m")))

    def streaming() -> None:
        with client(context()) as one:
            while not stop.is_set():
                told("stream", lambda: one.post(https(gateway) + CHAT, json=body("m", stream=True)))

    threads = [threading.Thread(target=work, daemon=True) for work in (keeping, anew, streaming)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


def failed(seen: Counter[str]) -> dict[str, int]:
    return {what: count for what, count in seen.items() if not what.endswith(" ok")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_new_certificate_is_shown_and_nothing_fails(place: Place, lab: Demo) -> None:
    context = place.client()
    with secured(place, lab) as gateway:
        pid, before = gateway.envoy_pid, gateway.hash
        with client(context) as early:
            assert early.get(https(gateway) + "/v1/models").status_code == 200
            with load(gateway, lambda: context) as seen:
                for turn in range(1, 6):
                    place.put_server(SERVERS.issue(f"turn-{turn}", *NAMES, ends=(100 + turn) * DAY))
                    eventually(lambda name=f"turn-{turn}": shown(gateway, context) == name, f"turn-{turn} shown", 15)  # type: ignore[misc]
                eventually(lambda: seen["new ok"] > 20 and seen["kept ok"] > 20, "some load", 15)
            assert early.get(https(gateway) + "/v1/models").status_code == 200
        print(f"rotated 5 times under load: {dict(seen)}")
        assert not failed(seen), seen
        assert (gateway.envoy_pid, gateway.hash) == (pid, before)


def test_a_bad_pair_is_refused_in_words_and_the_old_one_stays(place: Place, lab: Demo) -> None:
    context = place.client()
    good, other = SERVERS.issue("second", *NAMES), SERVERS.issue("other", *NAMES)
    over = SERVERS.issue("over", *NAMES, begins=-2 * DAY, ends=-DAY)
    wrongs = {
        "listen.tls.key: the key does not fit the certificate": Issued(good.certificate, other.key),
        "listen.tls.certificate: the certificate expired on": over,
        "listen.tls.key: the file holds no PEM private key": Issued(good.certificate, b"garbage"),
        "listen.tls.certificate: the file holds no PEM certificates": Issued(b"", good.key),
    }
    with secured(place, lab) as gateway:
        assert gateway.metric(EXPIRY, upstream="listen", kind="server") > 0
        for words, pair in wrongs.items():
            place.put_server(pair)
            eventually(lambda said=words: said in str(gateway.status()["config"]["error"]), words, 15)  # type: ignore[misc]
            assert gateway.readyz().status_code == 200
            assert shown(gateway, context) == "first"
        place.put_server(good)
        eventually(lambda: gateway.status()["config"]["error"] is None, "the error to go", 15)
        eventually(lambda: shown(gateway, context) == "second", "the good one shown", 15)
        assert good.key.decode().splitlines()[1] not in gateway.err.text() + gateway.out.text()


def test_another_client_ca_is_believed_from_the_next_handshake_on(place: Place, lab: Demo) -> None:
    old, new = place.client(CLIENTS.issue("old"), "old"), place.client(NEXT.issue("new"), "new")

    def let_in(context: ssl.SSLContext) -> bool:
        try:
            with client(context) as one:
                return one.get(https(gateway) + "/v1/models").status_code == 200
        except (httpx.HTTPError, ssl.SSLError):
            return False

    with secured(place, lab, clients=CLIENTS) as gateway, client(old) as early:
        assert early.get(https(gateway) + "/v1/models").status_code == 200
        assert let_in(old) and not let_in(new)
        with load(gateway, lambda: old) as seen:
            place.put("clients.crt", CLIENTS.certificate + NEXT.certificate)  # both, for as long as it takes
            eventually(lambda: let_in(new), "the new CA believed", 15)
            assert let_in(old)
            eventually(lambda: seen["new ok"] > 5, "some load", 15)
        print(f"a CA added under load: {dict(seen)}")
        assert not failed(seen), seen
        place.put("clients.crt", NEXT.certificate)
        eventually(lambda: not let_in(old), "the old CA believed no more", 15)
        assert let_in(new)
        assert early.get(https(gateway) + "/v1/models").status_code == 200  # what is open goes on
        assert gateway.metric(EXPIRY, upstream="listen", kind="client_ca") > 0
