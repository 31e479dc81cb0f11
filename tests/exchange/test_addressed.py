"""What goes to a named provider, from the caller's headers to the provider's: files, batches and WebSockets."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from extproc import names
from extproc.protocol.events import BodyEvent
from extproc.protocol.replies import HeadersReply, Turn
from tests.exchange.attempts import attempt, begun, planned
from tests.exchange.scene import CALLERS, PROVIDERS, ROUTES, Scene, error_of, snapshot

WEBSOCKET = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-key": "a2V5",
    "sec-websocket-version": "13",
    "sec-websocket-extensions": "permessage-deflate",
}
SECURE = """
providers:
  far: {dialect: openai, base_url: "https://far.test/v1", credential: k, models: [m]}
  signed: {dialect: openai, base_url: "https://signed.test/v1", credential: k, sign: {hmac: {secret: s}}}
"""


def socket(protocols: str | None = None, **more: str) -> dict[str, Any]:
    headers = {**WEBSOCKET, **({names.SUBPROTOCOLS: protocols} if protocols else {}), **more}
    return {"endpoint": "realtime", "method": "GET", "path": "/v1/realtime?model=m", "headers": headers}


async def sent(scene: Scene, present: Mapping[str, str], **asked: Any) -> tuple[Turn, dict[str, str]]:
    """The attempt's turn, and the headers that leave."""
    metadata = await planned(scene, None, **asked)
    group = metadata[names.META_PLAN]["priority_groups"][0]
    cluster = group["clusters"][0]["cluster_name"]
    turn = await begun(scene).on(attempt(scene, metadata, cluster=cluster, present=present))
    edit = turn.reply.edit
    left = {name: value for name, value in present.items() if name not in edit.remove}
    return turn, {**left, **dict(edit.set)}


async def test_a_handshake_goes_on_and_is_left_alone() -> None:
    scene = Scene()
    turn, headers = await sent(scene, {**WEBSOCKET, "x-mine": "1", "cookie": "c"}, **socket())
    assert turn.done and isinstance(turn.reply, HeadersReply)
    assert {name: headers[name] for name in WEBSOCKET} == WEBSOCKET
    assert headers[":path"] == "/v1/realtime?model=m" and "x-mine" not in headers and "cookie" not in headers


async def test_only_a_websocket_has_a_handshake() -> None:
    asked = {"endpoint": "files", "method": "GET", "path": "/v1/files", "headers": {names.PROVIDER: "alpha"}}
    _, headers = await sent(Scene(), WEBSOCKET, **asked)
    assert not WEBSOCKET.keys() & headers.keys()


@pytest.mark.parametrize(
    ("protocols", "left"),
    [("realtime, openai-insecure-api-key.gw-ci", "realtime"), ("openai-insecure-api-key.gw-ci", None)],
)
async def test_a_browsers_key_says_who_it_is_and_goes_no_further(protocols: str, left: str | None) -> None:
    scene = Scene(snapshot(PROVIDERS, ROUTES, CALLERS))
    turn = await scene.ask(None, **socket(protocols))
    assert turn.reply.metadata[names.META][names.M_CALLER] == "ci"
    assert dict(turn.reply.edit.set).get(names.SUBPROTOCOLS) == left
    assert (names.SUBPROTOCOLS in turn.reply.edit.remove) == (left is None)
    assert "gw-ci" not in str(turn)


async def test_a_browsers_own_key_goes_to_who_takes_the_callers() -> None:
    asked = {**socket("realtime, openai-insecure-api-key.sk-own"), "path": "/v1/realtime?model=own"}
    _, headers = await sent(Scene(), {**WEBSOCKET, names.SUBPROTOCOLS: "realtime"}, **asked)
    assert headers["authorization"] == "Bearer sk-own" and headers[names.SUBPROTOCOLS] == "realtime"


async def test_a_websocket_goes_by_the_cluster_that_speaks_http_1() -> None:
    scene = Scene(snapshot(SECURE))
    metadata = await planned(scene, None, **socket(), route="default")
    cluster = metadata[names.META_PLAN]["priority_groups"][0]["clusters"][0]["cluster_name"]
    assert cluster == scene.current.providers["far"].cluster + names.UPGRADE_SUFFIX
    files = {"endpoint": "files", "method": "GET", "path": "/v1/files", "headers": {names.PROVIDER: "far"}}
    metadata = await planned(scene, None, **files, route="default")
    cluster = metadata[names.META_PLAN]["priority_groups"][0]["clusters"][0]["cluster_name"]
    assert cluster == scene.current.providers["far"].cluster


async def test_a_websocket_to_who_wants_signatures_is_signed_with_its_headers() -> None:
    scene = Scene(snapshot(SECURE))
    asked = {**socket(), "path": "/v1/realtime?provider=signed", "route": "default"}
    secret = {names.KEY_SIGN + scene.current.providers["signed"].cluster: b"s"}
    scene.desk = replace(scene.desk, key=secret.get)
    turn, headers = await sent(scene, WEBSOCKET, **asked)
    assert turn.done and any("signature" in name for name in headers), headers


async def test_a_batch_is_read_for_whom_it_goes_to() -> None:
    body = {"provider": "beta", "team": "t", "input_file_id": "f", "endpoint": "/v1/chat/completions"}
    scene = Scene()
    metadata = await planned(scene, body, endpoint="batch_create", path="/v1/batches")
    assert metadata[names.META][names.M_TARGETS] == ["beta/batches"]
    assert metadata[names.META][names.M_LABELS] == {"team": "t"}
    exchange = begun(scene)
    assert await exchange.on(attempt(scene, metadata)) == Turn(HeadersReply("request"))
    turn = await exchange.on(BodyEvent("request", b'{"provider":"beta", "team":"t", "input_file_id":"f"}', True))
    assert json.loads(turn.reply.body) == {"input_file_id": "f"}


async def test_nobody_named_is_told_at_the_headers_of_an_upload() -> None:
    turn = await Scene().ask(None, endpoint="file_upload", path="/v1/files")
    assert turn.done and error_of(turn)["code"] == "unknown_endpoint"


async def test_nothing_of_it_is_attended_or_copied() -> None:
    scene = Scene()
    headers = {names.PROVIDER: "alpha"}
    turn = await scene.ask(
        None, endpoint="batches", method="GET", path="/v1/batches", headers=headers, route="attended"
    )
    assert turn.done and names.M_ATTENDED not in turn.reply.metadata[names.META]
