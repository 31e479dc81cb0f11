"""Signatures: the published vectors, what changes them, and what a receiver says to everything else."""

import hashlib
import hmac
from dataclasses import astuple, dataclass, replace
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from extproc.signing import SCHEMES, Invalid, Nonces, Scheme, canonical, scheme_of, sign, verify

SECRET = b"your-shared-secret-here"
NOW = 1_700_000_000
NONCE = "0123456789abcdef"
CHAT = b'{"model":"m","messages":[]}'


@dataclass(frozen=True)
class Request:
    method: str = "POST"
    path: str = "/v1/chat/completions"
    query: str = ""
    body: bytes = CHAT

    def signed(self, scheme: Scheme, secret: bytes = SECRET, now: float = NOW) -> dict[str, str]:
        return dict(sign(secret, scheme, self.method, self.path, self.query, self.body, now, NONCE))

    def verified(self, headers: object, now: float = NOW, **options: object) -> Invalid | None:
        return verify(SECRET, headers, self.method, self.path, self.query, self.body, now, **options)  # type: ignore[arg-type]


CALL = Request()


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (CALL, "8863d8e1fac3b761d58eb6a952444fff2df5c9f3953dbe46eb177bf76897beb6"),
        (Request("GET", "/health", "", b""), "92d7f51881baf289308edc0af4e875373034e23d04e3477f863d78d14225e7ec"),
        (
            Request("GET", "/health", "not=signed", b""),
            "92d7f51881baf289308edc0af4e875373034e23d04e3477f863d78d14225e7ec",
        ),
    ],
)
def test_v1_gives_the_published_vectors(request_: Request, signature: str) -> None:
    assert request_.signed("v1", now=NOW + 0.9) == {
        "x-timestamp": "1700000000",
        "x-signature": signature,
        "x-auth-type": "hmac-sha256",
    }


def test_v2_gives_the_vector_of_its_document() -> None:
    """Computed here step by step, as docs/signing.md says it."""
    asked = replace(CALL, path="/v1/a%2Fb", query="x=1&y=%20")
    lines = ["hmac-sha256-v2", "1700000000", NONCE, "POST", "/v1/a%2Fb", "x=1&y=%20", hashlib.sha256(CHAT).hexdigest()]
    expected = hmac.new(SECRET, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    assert expected == "29f2620be87163e7bb55fd1215c3ebc64b996fa6b1acc92a67824fd80e2943e2"
    assert asked.signed("v2") == {
        "x-timestamp": "1700000000",
        "x-signature": expected,
        "x-auth-type": "hmac-sha256-v2",
        "x-nonce": NONCE,
    }


@pytest.mark.parametrize(
    ("written", "decoded"),
    [
        ("/v1/a%2Fb", b"/v1/a/b"),
        ("/a%20b", b"/a b"),
        ("/a+b", b"/a+b"),
        ("/a%2520b", b"/a%20b"),  # once
        ("/gr%C3%BC%C3%9Fe", "/grüße".encode()),
        ("/grüße", "/grüße".encode()),
        ("/%ff", b"/\xff"),
        ("/a%2fb", b"/a/b"),
    ],
)
def test_v1_signs_the_path_as_go_decodes_it(written: str, decoded: bytes) -> None:
    assert canonical("v1", "17", "", "GET", written, "q=1", b"x") == b"17GET" + decoded + b"x"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("age", "reason"),
    [(0, None), (300, None), (300.9, None), (301, Invalid.TIMESTAMP_OFF), (-300, None), (-301, Invalid.TIMESTAMP_OFF)],
)
def test_a_signature_holds_for_five_minutes_on_both_sides(scheme: Scheme, age: float, reason: Invalid | None) -> None:
    assert CALL.verified(CALL.signed(scheme), NOW + age) is reason


CHANGES = [
    replace(CALL, method="PUT"),
    replace(CALL, path="/v1/completions"),
    replace(CALL, body=CHAT + b" "),
    replace(CALL, body=b""),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("changed", CHANGES)
def test_another_request_is_not_the_signed_one(scheme: Scheme, changed: Request) -> None:
    assert changed.verified(CALL.signed(scheme)) is Invalid.SIGNATURE_DIFFERS


def test_v2_signs_the_query_and_the_escapes_too() -> None:
    for changed in (replace(CALL, query="x=1"), replace(CALL, path="/v1/chat%2Fcompletions")):
        assert changed.verified(CALL.signed("v2")) is Invalid.SIGNATURE_DIFFERS
        assert changed.verified(CALL.signed("v1")) is None


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x-timestamp": None}, Invalid.HEADER_MISSING),
        ({"x-signature": None}, Invalid.HEADER_MISSING),
        ({"x-auth-type": None}, Invalid.HEADER_MISSING),
        ({"x-auth-type": "HMAC-SHA256"}, Invalid.AUTH_TYPE_UNKNOWN),
        ({"x-auth-type": ""}, Invalid.AUTH_TYPE_UNKNOWN),
        ({"x-timestamp": ""}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "-1700000000"}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "+1700000000"}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": " 1700000000"}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "1_700_000_000"}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "1.7e9"}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "１７００００００００"}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "9" * 10_000}, Invalid.TIMESTAMP_MALFORMED),
        ({"x-timestamp": "9" * 15}, Invalid.TIMESTAMP_OFF),
        ({"x-timestamp": "1700000001"}, Invalid.SIGNATURE_DIFFERS),
        ({"x-signature": "grüße"}, Invalid.SIGNATURE_DIFFERS),
        ({"x-signature": "\udcff"}, Invalid.SIGNATURE_DIFFERS),
        ({"x-signature": ""}, Invalid.SIGNATURE_DIFFERS),
        ({"X-Signature": "a"}, Invalid.HEADER_TWICE),
    ],
)
def test_only_whole_and_plain_headers_are_taken(scheme: Scheme, change: dict[str, str | None], reason: Invalid) -> None:
    headers = {name: value for name, value in {**CALL.signed(scheme), **change}.items() if value is not None}
    assert CALL.verified(headers) is reason


@pytest.mark.parametrize("nonce", ["", "a b", "ü", "a\nb", "x" * 129])
def test_a_nonce_has_a_plain_form(nonce: str) -> None:
    assert CALL.verified({**CALL.signed("v2"), "x-nonce": nonce}) is Invalid.NONCE_MALFORMED
    with pytest.raises(ValueError, match="X-Nonce"):
        sign(SECRET, "v2", "GET", "/", "", b"", NOW, nonce)


def test_v2_without_its_nonce_is_no_v2() -> None:
    headers = CALL.signed("v2")
    del headers["x-nonce"]
    assert CALL.verified(headers) is Invalid.HEADER_MISSING
    assert CALL.verified({**headers, "x-nonce": "another"}) is Invalid.SIGNATURE_DIFFERS


def test_the_upper_case_is_another_signature() -> None:
    headers = CALL.signed("v1")
    assert CALL.verified({**headers, "x-signature": headers["x-signature"].upper()}) is Invalid.SIGNATURE_DIFFERS


def test_header_names_have_no_case_and_come_in_any_form() -> None:
    pairs = [(name.title(), value) for name, value in CALL.signed("v2").items()]
    assert CALL.verified([("Cookie", "a"), ("cookie", "b"), *pairs]) is None
    assert scheme_of(pairs) == "v2"
    assert scheme_of({}) is None


def test_a_header_that_is_there_twice_is_refused_even_when_both_are_equal() -> None:
    pairs = list(CALL.signed("v1").items())
    assert CALL.verified([*pairs, pairs[1]]) is Invalid.HEADER_TWICE


def test_a_receiver_may_take_one_scheme_only() -> None:
    assert CALL.verified(CALL.signed("v1"), schemes=("v2",)) is Invalid.AUTH_TYPE_UNKNOWN
    assert CALL.verified(CALL.signed("v2"), schemes=("v1",)) is Invalid.AUTH_TYPE_UNKNOWN
    assert CALL.verified(CALL.signed("v2"), schemes=("v2",)) is None


def test_a_v2_signature_cannot_be_passed_off_as_v1() -> None:
    headers = {**CALL.signed("v2"), "x-auth-type": "hmac-sha256"}
    assert CALL.verified(headers) is Invalid.SIGNATURE_DIFFERS
    assert not canonical("v2", "1", "n", "GET", "/", "", b"")[:1].isdigit()


def test_while_a_secret_is_changed_either_signs() -> None:
    call = (CALL.method, CALL.path, CALL.query, CALL.body, NOW)
    for secret in (b"old", b"new"):
        headers = CALL.signed("v1", secret)
        assert verify([b"old", b"new"], headers, *call) is None
        assert verify([b"other"], headers, *call) is Invalid.SIGNATURE_DIFFERS
    assert verify([], CALL.signed("v1"), *call) is Invalid.SIGNATURE_DIFFERS


def test_an_empty_secret_signs_nothing_and_is_none_to_a_receiver() -> None:
    with pytest.raises(ValueError, match="empty"):
        CALL.signed("v1", b"")
    forged = hmac.new(b"", canonical("v1", str(NOW), "", "POST", CALL.path, "", CHAT), hashlib.sha256).hexdigest()
    headers = {**CALL.signed("v1"), "x-signature": forged}
    assert verify(b"", headers, "POST", CALL.path, "", CHAT, NOW) is Invalid.SIGNATURE_DIFFERS


# --- the memory of nonces --------------------------------------------------------------------------------------------


def test_a_v2_request_comes_once() -> None:
    guard = Nonces(lambda: NOW)
    headers = CALL.signed("v2")
    assert CALL.verified(headers, seen_nonce=guard.seen) is None
    assert CALL.verified(headers, seen_nonce=guard.seen) is Invalid.NONCE_SEEN


def test_what_does_not_hold_leaves_no_nonce() -> None:
    guard = Nonces(lambda: NOW)
    headers = CALL.signed("v2", b"stranger's")
    assert CALL.verified(headers, seen_nonce=guard.seen) is Invalid.SIGNATURE_DIFFERS
    assert len(guard) == 0


def test_v1_asks_no_nonce() -> None:
    assert CALL.verified(CALL.signed("v1"), seen_nonce=lambda _: True) is None


def test_nonces_are_kept_as_long_as_any_signature_can_hold() -> None:
    clock = [float(NOW)]
    guard = Nonces(lambda: clock[0], window=300)
    ahead = CALL.signed("v2", now=NOW + 300)
    assert CALL.verified(ahead, clock[0], seen_nonce=guard.seen) is None
    clock[0] = NOW + 600
    assert CALL.verified(ahead, clock[0], seen_nonce=guard.seen) is Invalid.NONCE_SEEN
    clock[0] = NOW + 601
    assert CALL.verified(ahead, clock[0], seen_nonce=guard.seen) is Invalid.TIMESTAMP_OFF
    assert not guard.seen("another")
    assert len(guard) == 1


def test_a_full_memory_takes_nothing_new_rather_than_forget() -> None:
    clock = [0.0]
    guard = Nonces(lambda: clock[0], window=10, most=2)
    assert [guard.seen(nonce) for nonce in ("a", "b", "c", "a")] == [False, False, True, True]
    clock[0] = 21.0
    assert [guard.seen(nonce) for nonce in ("c", "a")] == [False, False]


# --- properties ------------------------------------------------------------------------------------------------------

WIRE = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
BYTES = st.binary(max_size=24)
REQUESTS = st.builds(Request, WIRE, WIRE, WIRE, BYTES)
LINES = st.lists(st.sampled_from(["a", "\n", "%0A", "1", "/", "?"]), max_size=4).map("".join)
TRICKY = st.builds(Request, LINES, LINES, LINES, BYTES)


@given(st.sampled_from(SCHEMES), REQUESTS, st.integers(0, 10**12), st.integers(-300, 300))
def test_what_is_signed_holds(scheme: Scheme, request_: Request, now: int, drift: int) -> None:
    if scheme == "v2":
        assume("\n" not in request_.method + request_.path + request_.query)
    assert request_.verified(request_.signed(scheme, now=now), now + drift) is None


def _string(timestamp: str, nonce: str, asked: Request) -> bytes | None:
    try:
        return canonical("v2", timestamp, nonce, asked.method, asked.path, asked.query, asked.body)
    except ValueError:
        return None


@given(st.tuples(LINES, LINES, TRICKY), st.tuples(LINES, LINES, TRICKY))
def test_no_two_requests_share_a_v2_string(one: tuple[str, str, Request], other: tuple[str, str, Request]) -> None:
    first, second = _string(*one), _string(*other)
    assert (first is None) == any("\n" in part for part in (*one[:2], *astuple(one[2])[:3]))
    if first is not None and second is not None:
        assert (first == second) == (one == other)


def test_two_requests_do_share_a_v1_string() -> None:
    """The weakness for which v2 is there."""
    assert canonical("v1", "1", "", "GET", "/a", "", b"b") == canonical("v1", "1", "", "GET", "/ab", "", b"")


@given(
    st.lists(st.tuples(st.sampled_from(["x-timestamp", "X-Signature", "x-auth-type", "x-nonce", "x"]), st.text())),
    st.builds(Request, st.text(), st.text(), st.text(), BYTES),
    st.floats(0, 1e15),
)
def test_garbage_gets_a_reason(headers: list[tuple[str, str]], request_: Request, now: float) -> None:
    assert isinstance(request_.verified(headers, now), Invalid)


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.sampled_from(SCHEMES))
def test_a_request_line_of_any_text_gets_a_reason(method: str, path: str, query: str, scheme: Scheme) -> None:
    asked = Request(method, path, query)
    headers = {**CALL.signed(scheme), "x-signature": "0" * 64}
    assert asked.verified(headers) in (Invalid.SIGNATURE_DIFFERS, Invalid.REQUEST_MALFORMED)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_spelling_of_a_path_is_the_same_to_v1(path: str) -> None:
    plain = path.replace("%", "%25")
    assert canonical("v1", "1", "", "GET", plain, "", b"") == canonical("v1", "1", "", "GET", quote(path), "", b"")


def test_reasons_have_plain_words_and_a_code() -> None:
    assert Invalid.NONCE_SEEN.code == "nonce_seen"
    assert len({reason.value for reason in Invalid}) == len(Invalid)
