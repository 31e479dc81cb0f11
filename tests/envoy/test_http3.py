"""HTTP/3, spoken by a real client on the same port's UDP."""

import json
import socket
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from extproc import names
from tests.dataplane.certificates import Issued
from tests.envoy import quic
from tests.envoy.clients_tls import CLIENTS, NAMES, SERVERS, STRANGERS, Place, client, config, https, secured
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("h3"))


@pytest.fixture(scope="module")
def gateway(place: Place, demos: dict[str, Demo]) -> Iterator[Gateway]:
    with secured(place, demos["lab"], http3=True) as made:
        yield made


def test_a_chat_and_a_stream_are_answered(gateway: Gateway) -> None:
    answer, _ = quic.ask(gateway.port, CHAT, JSON, json.dumps(body("m")).encode())
    assert answer.status == 200 and answer.headers[names.TARGET] == "lab/m"
    assert json.loads(answer.body)["choices"]
    assert gateway.decision(answer.headers[names.REQUEST_ID])["status"] == 200
    answer, _ = quic.ask(gateway.port, CHAT, JSON, json.dumps(body("m", stream=True)).encode())
    assert answer.status == 200 and answer.body.rstrip().endswith(b"[DONE]")


def test_nothing_is_taken_before_the_handshake_which_could_be_sent_again(gateway: Gateway) -> None:
    tickets: list[quic.SessionTicket] = []

    def has_tickets() -> bool:
        assert quic.ask(gateway.port, "/v1/models", tickets=tickets)[0].status == 200
        return bool(tickets)

    eventually(has_tickets, "what resumes a connection")
    assert not any(ticket.max_early_data_size for ticket in tickets)


def test_a_large_body_is_taken(gateway: Gateway) -> None:
    large = json.dumps({**body("m"), "user": "x" * 3_000_000}).encode()
    assert quic.ask(gateway.port, CHAT, JSON, large)[0].status == 200


def test_answers_over_tcp_say_where_it_is(gateway: Gateway, place: Place) -> None:
    with client(place.client()) as connected:
        for path, status in (("/v1/models", 200), ("/nothing", 404), ("/old", 301), ("/v1/unknown", 404)):
            answer = connected.get(https(gateway) + path)
            told = (answer.status_code // 100, answer.headers["alt-svc"])
            assert told == (status // 100, f'h3=":{gateway.port}"; ma=86400')
    assert "alt-svc" in quic.ask(gateway.port, "/v1/models")[0].headers


def test_a_service_is_told_that_it_was_tls(gateway: Gateway, lab: Demo) -> None:
    own = {"authorization": f"Bearer {lab.key}"}
    assert quic.ask(gateway.port, "/shop/models", own)[0].status == 200
    assert lab.last()["headers"]["x-forwarded-proto"] == "https"
    assert quic.ask(gateway.port, "/old")[0].headers["location"] == "https://gateway.test/new"


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256R1()], ids=["P-384", "P-256"])
def test_a_new_certificate_is_shown(gateway: Gateway, place: Place, curve: ec.EllipticCurve) -> None:
    place.put_server(SERVERS.issue(f"on {curve.name}", *NAMES, key=ec.generate_private_key(curve)))

    def is_shown() -> bool:
        return f"on {curve.name}" in quic.ask(gateway.port, "/v1/models")[1].subject.rfc4514_string()

    eventually(is_shown, "the new certificate", 15)


def test_client_certificates_are_asked_for_here_too(place: Place, demos: dict[str, Demo]) -> None:
    callers = [{"name": "alice", "certificate": "alice.test"}, {"name": "bob", "key": "bob-key"}]
    with secured(place, demos["lab"], clients=CLIENTS, http3=True, callers=callers) as gateway:

        def status(shown: Issued | None, **headers: str) -> int:
            files = shown.write(place.directory, "shown") if shown is not None else None
            try:
                told = {name.replace("_", "-"): value for name, value in headers.items()}
                return quic.ask(gateway.port, "/v1/models", told, shows=files, seconds=5)[0].status
            except (ConnectionError, TimeoutError):
                return 0

        assert status(CLIENTS.issue("alice", "alice.test")) == 200
        assert status(CLIENTS.issue("carol", "carol.test")) == 401
        assert status(CLIENTS.issue("carol", "carol.test"), x_api_key="bob-key") == 200
        assert status(STRANGERS.issue("alice", "alice.test"), x_api_key="bob-key") == 0
        assert status(None, x_api_key="bob-key") == 0


def test_a_port_whose_udp_is_taken_is_said_before_anything_changes(place: Place, demos: dict[str, Demo]) -> None:
    place.put_server(SERVERS.issue("first", *NAMES))
    with running(config(demos["lab"], place.listen())) as gateway:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", gateway.port))
            gateway.write_config(config(demos["lab"], place.listen(http3=True)))
            eventually(lambda: "HTTP/3 cannot have UDP port" in str(gateway.status()["config"]["error"]), "its no", 15)
        gateway.reload(config(demos["lab"], place.listen(http3=True), limits={"body": "1MiB"}))
        eventually(lambda: quic.ask(gateway.port, "/v1/models")[0].status == 200, "HTTP/3")
        gateway.reload(config(demos["lab"], place.listen()))
        eventually(lambda: not _speaks(gateway), "no more HTTP/3", 15)


def test_it_comes_back_while_envoy_still_holds_the_port_for_what_was_open(place: Place, demos: dict[str, Demo]) -> None:
    place.put_server(SERVERS.issue("first", *NAMES))
    with running(config(demos["lab"], place.listen(http3=True))) as gateway:
        assert quic.ask(gateway.port, "/v1/models")[0].status == 200
        gateway.reload(config(demos["lab"], place.listen()))
        eventually(lambda: not _speaks(gateway), "no more HTTP/3", 15)
        gateway.reload(config(demos["lab"], place.listen(http3=True)))
        eventually(lambda: _speaks(gateway), "HTTP/3 again", 15)
        assert all(_speaks(gateway) for _ in range(10))


def _speaks(gateway: Gateway) -> bool:
    try:
        return quic.ask(gateway.port, "/v1/models", seconds=2)[0].status == 200
    except (ConnectionError, TimeoutError):
        return False
