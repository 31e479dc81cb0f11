"""Attempts at providers that take signed requests only: what is signed, with what, and never without a secret."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from extproc.protocol.replies import BodyReply, HeadersReply, Turn
from extproc.signing import Scheme, verify
from extproc.snapshot import SignSpec, Snapshot
from tests.exchange.attempts import attempt, begun, planned
from tests.exchange.scene import Scene, chunk, error_of, snapshot

PLAIN = {"model": "m", "messages": []}
SMART = {"model": "smart", "messages": [], "team": "a"}
SECRETS = {"sign.alpha": b"of-alpha", "sign.beta": b"of-beta"}
UPLOAD = {
    "endpoint": "audio",
    "path": "/v1/audio/a%20b?q=1",
    "headers": {"content-type": "multipart/form-data; boundary=x", "x-extproc-model": "listen"},
}


def signing(scheme: Scheme, *providers: str) -> Snapshot:
    plain = snapshot()
    signed = {name: replace(plain.providers[name], cluster=name, sign=SignSpec(scheme)) for name in providers}
    return replace(plain, providers={**plain.providers, **signed})


def scene(scheme: Scheme = "v1", *providers: str, keys: dict[str, bytes] = SECRETS) -> Scene:
    made = Scene(signing(scheme, *(providers or ("alpha", "beta"))))
    clock, numbers = iter(range(1_700_000_000, 1_800_000_000)), count()
    made.desk = replace(made.desk, epoch=lambda: float(next(clock)), new_id=lambda: f"id-{next(numbers)}", key=keys.get)
    return made


def holds(turn: Turn, secret: bytes, body: bytes, **options: Any) -> bool:
    told = dict(turn.reply.edit.set)
    path, _, query = told[":path"].partition("?")
    return verify(secret, told, told[":method"], path, query, body, 1_700_000_050, **options) is None


async def test_a_body_that_passes_is_read_to_be_signed_and_goes_on_as_it_was() -> None:
    here = scene()
    exchange = begun(here)
    assert await exchange.on(attempt(here, await planned(here, PLAIN))) == Turn(HeadersReply("request"))
    turn = await exchange.on(chunk(PLAIN, end=True))
    assert isinstance(turn.reply, BodyReply) and turn.reply.body is None and turn.done
    assert holds(turn, b"of-alpha", json.dumps(PLAIN).encode())
    assert not holds(turn, b"of-beta", json.dumps(PLAIN).encode())


@pytest.mark.parametrize("scheme", ["v1", "v2"])
async def test_each_attempt_is_signed_anew_over_what_it_sends(scheme: Scheme) -> None:
    here = scene(scheme)
    metadata = await planned(here, SMART)
    turns = []
    for number, secret in ((1, b"of-alpha"), (2, b"of-beta")):
        exchange = begun(here)
        await exchange.on(attempt(here, metadata, number, present={"x-signature": "old", "x-nonce": "old"}))
        turns.append(await exchange.on(chunk(SMART, end=True)))
        assert holds(turns[-1], secret, turns[-1].reply.body, schemes=(scheme,))
        assert ("x-nonce" in turns[-1].reply.edit.remove) is (scheme == "v1")
    first, second = (dict(turn.reply.edit.set) for turn in turns)
    assert first["x-timestamp"] != second["x-timestamp"]
    assert scheme == "v1" or first["x-nonce"] != second["x-nonce"]


async def test_behind_a_signed_target_an_unsigned_one_carries_nothing_of_it() -> None:
    here = scene("v2", "alpha")
    exchange = begun(here)
    stale = dict.fromkeys(("x-timestamp", "x-signature", "x-auth-type", "x-nonce"), "of-alpha")
    await exchange.on(attempt(here, await planned(here, SMART), 2, present=stale))
    turn = await exchange.on(chunk(SMART, end=True))
    assert set(stale) <= set(turn.reply.edit.remove)
    assert not set(stale) & dict(turn.reply.edit.set).keys()


async def test_an_upload_is_signed_at_once_as_if_it_were_empty_and_again_with_what_comes() -> None:
    """Trailers may stand where its body would, and then nothing more is shown to us."""
    here = scene()
    metadata = await planned(here, None, **UPLOAD)
    exchange = begun(here)
    early = await exchange.on(attempt(here, metadata, present={"transfer-encoding": "chunked"}))
    assert not early.done and holds(early, b"of-alpha", b"")
    assert "content-length" not in dict(early.reply.edit.set)
    late = await exchange.on(chunk(b"\x00\xff", end=True))
    assert late.done and late.reply.body is None and holds(late, b"of-alpha", b"\x00\xff")
    assert dict(late.reply.edit.set)["content-length"] == "2"


async def test_what_ends_with_its_headers_is_signed_with_them() -> None:
    here = scene()
    turn = await begun(here).on(attempt(here, await planned(here, None, **UPLOAD), end=True))
    assert turn.done and holds(turn, b"of-alpha", b"")


@pytest.mark.parametrize("keys", [{}, {"sign.alpha": b""}, {"sign.beta": b"of-beta"}, {"credential.alpha": b"x"}])
async def test_without_its_secret_nothing_is_sent(keys: dict[str, bytes]) -> None:
    here = scene(keys=keys)
    exchange = begun(here)
    await exchange.on(attempt(here, await planned(here, PLAIN)))
    turn = await exchange.on(chunk(PLAIN, end=True))
    assert (turn.done, turn.reply.status, error_of(turn)["code"]) == (True, 502, "signing_secret_missing")
    assert "alpha" in error_of(turn)["message"]


async def test_no_secret_is_in_what_is_said() -> None:
    here = scene("v2")
    exchange = begun(here)
    await exchange.on(attempt(here, await planned(here, PLAIN)))
    turn = await exchange.on(chunk(PLAIN, end=True))
    assert "of-alpha" not in f"{turn} {here.desk} {here.current}"


async def test_a_providers_own_headers_never_stand_in_for_a_signature() -> None:
    here = scene()
    alpha = replace(here.current.providers["alpha"], headers={"X-Signature": "forged", "X-Timestamp": "1"})
    here.shelf.put(replace(here.current, id="other", providers={**here.current.providers, "alpha": alpha}))
    exchange = begun(here)
    await exchange.on(attempt(here, await planned(here, PLAIN)))
    turn = await exchange.on(chunk(PLAIN, end=True))
    assert holds(turn, b"of-alpha", json.dumps(PLAIN).encode())
