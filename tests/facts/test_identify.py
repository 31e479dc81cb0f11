"""Who may call, and what of the caller's credentials may go on."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.facts.peer import UNNAMED, Peer, named
from extproc.facts.read import Identified, identify
from extproc.protocol.events import Headers
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Caller, Listen, ListenTls, Snapshot


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def snapshot(*callers: Caller, is_open: bool = False) -> Snapshot:
    return Snapshot("s", {}, {}, (), {}, {}, callers=callers, open=is_open)


ALICE = Caller("alice", digest("alice-key"), {"team": "a"}, ("gpt-*",), ("openai",), "cost")
BOB = Caller("bob", digest("bob-key").upper())
KEYED = snapshot(ALICE, BOB)
FAR = "203.0.113.9:4711"


def headers(**lines: str) -> Headers:
    return Headers(tuple((name.replace("_", "-"), value.encode("latin-1")) for name, value in lines.items()))


def found(sent: Headers, address: str | None = FAR, of: Snapshot = KEYED) -> Identified:
    result = identify(sent, address, of)
    assert isinstance(result, Identified)
    return result


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (headers(authorization="Bearer alice-key"), "alice"),
        (headers(authorization="bearer  alice-key "), "alice"),
        (headers(x_api_key="alice-key"), "alice"),
        (headers(sec_websocket_protocol="realtime, openai-insecure-api-key.alice-key"), "alice"),
        (headers(x_api_key="bob-key", sec_websocket_protocol="openai-insecure-api-key.alice-key"), "bob"),
        (headers(api_key="bob-key"), "bob"),
        (headers(x_goog_api_key="bob-key"), "bob"),
        (headers(authorization="Bearer alice-key", x_api_key="alice-key"), "alice"),
        (headers(authorization="Bearer alice-key", x_api_key="bob-key"), "alice"),
    ],
)
def test_a_known_key_names_its_caller_and_is_no_credential(sent: Headers, name: str) -> None:
    """In any of the four headers, and in several."""
    who = found(sent)
    assert (who.caller.name, who.credential) == (name, None)
    assert not who.caller.own_credential


def test_a_caller_brings_labels_models_providers_and_a_strategy() -> None:
    caller = found(headers(x_api_key="alice-key")).caller
    assert (caller.labels, caller.models, caller.providers) == ({"team": "a"}, ("gpt-*",), ("openai",))
    assert caller.strategy == "cost"


def test_what_stands_beside_the_gateways_key_is_the_callers_own() -> None:
    who = found(headers(authorization="Bearer sk-own", x_api_key="alice-key"))
    assert (who.caller.name, who.credential, who.caller.own_credential) == ("alice", "sk-own", True)
    assert "sk-own" not in repr(who)


@pytest.mark.parametrize(
    "sent",
    [
        headers(),
        headers(authorization="Bearer wrong-secret"),
        headers(authorization="alice-key"),
        headers(authorization="Basic alice-key"),
        headers(authorization="Bearer "),
        headers(x_api_key="wrong-secret"),
        headers(x_api_key="Bearer alice-key"),
        headers(x_api_key=digest("alice-key")),
        headers(x_api_key="\xff\xfe"),
        headers(x_api_key="k" * 100_000),
    ],
)
@pytest.mark.parametrize("address", [FAR, "127.0.0.1:1", None])
def test_without_a_known_key_nobody_is_served_and_the_message_repeats_nothing(
    sent: Headers, address: str | None
) -> None:
    """Missing, wrong, of another scheme, the hash itself, no text, too long; from here as from afar."""
    refusal = identify(sent, address, KEYED)
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.INVALID_API_KEY
    assert "wrong-secret" not in refusal.message and "alice-key" not in refusal.message


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:80", True),
        ("127.8.9.10:1", True),
        ("127.0.0.1", True),
        ("[::1]:443", True),
        ("::1", True),
        ("[::ffff:127.0.0.1]:5", True),
        ("/run/client.sock", True),
        ("@abstract", True),
        (None, True),
        ("", True),
        ("10.0.0.1:80", False),
        ("[2001:db8::1]:80", False),
        ("128.0.0.1:1", False),
        ("localhost:80", False),
        ("127.0.0.1.example.com:80", False),
    ],
)
def test_without_callers_only_this_machine_is_served(address: str | None, local: bool) -> None:
    """Loopback of both kinds and Unix sockets, and what only looks like them."""
    result = identify(headers(), address, snapshot())
    assert isinstance(result, Identified) is local
    if isinstance(result, Refusal):
        assert result.reason is Reason.CALLER_NOT_LOCAL


@pytest.mark.parametrize("of", [snapshot(is_open=True), snapshot(ALICE, is_open=True)])
def test_open_serves_strangers_and_takes_their_key_as_their_own(of: Snapshot) -> None:
    """With callers configured and without."""
    who = found(headers(authorization="Bearer sk-own"), FAR, of)
    assert (who.caller.name, who.credential) == (None, "sk-own")


def test_two_configurations_with_one_id_do_not_share_their_keys() -> None:
    assert isinstance(identify(headers(x_api_key="alice-key"), FAR, snapshot(BOB)), Refusal)
    assert found(headers(x_api_key="alice-key"), FAR, snapshot(ALICE)).caller.name == "alice"


@given(
    st.lists(
        st.tuples(st.sampled_from(["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"]), st.binary())
    )
)
def test_any_header_bytes_are_refused_and_never_repeated(pairs: list[tuple[str, bytes]]) -> None:
    result = identify(Headers(tuple(pairs)), FAR, KEYED)
    assert isinstance(result, Refusal) and result.reason is Reason.INVALID_API_KEY


# --- by certificate --------------------------------------------------------------------------------------------------

HOST = Caller("host", None, certificate=("host.test", "spiffe://mesh/*"))
WIDE = Caller("wide", None, certificate=("*.test",))
BOUND = Caller("bound", digest("bound-key"), certificate=("host.test",))


def asked(*callers: Caller, client_ca: str | None = "ca.pem", is_open: bool = False) -> Snapshot:
    listen = Listen(tls=ListenTls("a", "b", client_ca))
    return Snapshot("s", {}, {}, (), {}, {}, callers=callers, open=is_open, listen=listen)


@pytest.mark.parametrize(
    ("sent", "peer", "name"),
    [
        (headers(), named(["host.test"]), "host"),
        (headers(), named(["other.test"]), "wide"),
        (headers(), named(["x", "spiffe://mesh/a"]), "host"),
        (headers(x_api_key="alice-key"), named(["host.test"]), "alice"),
        (headers(x_api_key="alice-key"), None, "alice"),
        (headers(x_api_key="bound-key"), named(["host.test"]), "bound"),
        (headers(x_api_key="bound-key"), named(["other.test"]), None),
        (headers(x_api_key="bound-key"), None, None),
        (headers(authorization="Bearer bound-key", x_api_key="alice-key"), named(["other.test"]), None),
        (headers(), named(["example.com"]), None),
        (headers(), None, None),
    ],
)
def test_a_caller_is_known_by_its_certificate_or_its_key_or_needs_both(
    sent: Headers, peer: Peer | None, name: str | None
) -> None:
    result = identify(sent, FAR, asked(HOST, ALICE, BOUND, WIDE), peer)
    assert (result.caller.name if isinstance(result, Identified) else None) == name
    assert isinstance(result, Identified) or result.reason is Reason.INVALID_API_KEY


def test_a_key_that_is_nobodys_is_the_callers_own_beside_its_certificate() -> None:
    who = identify(headers(authorization="Bearer sk-own"), FAR, asked(HOST), named(["host.test"]))
    assert isinstance(who, Identified)
    assert (who.caller.name, who.credential) == ("host", "sk-own")


@pytest.mark.parametrize(
    ("of", "peer", "words"),
    [
        (asked(HOST), named(["example.com"]), "client certificate is no caller's"),
        (asked(HOST), None, "shows no client certificate"),
        (asked(HOST, ALICE), named(["example.com"]), "key is missing"),
        (asked(BOUND), named(["example.com"]), "key is missing"),
        (asked(), None, "shows no client certificate"),
    ],
)
def test_a_no_says_what_is_missing(of: Snapshot, peer: Peer | None, words: str) -> None:
    refusal = identify(headers(), FAR, of, peer)
    assert isinstance(refusal, Refusal) and words in refusal.message


def test_without_callers_every_certificate_is_served_and_nobody_without_one() -> None:
    assert isinstance(identify(headers(), FAR, asked(), UNNAMED), Identified)
    assert isinstance(identify(headers(), "127.0.0.1:1", asked(), None), Refusal)  # opened before it was asked for
    assert isinstance(identify(headers(), FAR, asked(is_open=True), None), Identified)
