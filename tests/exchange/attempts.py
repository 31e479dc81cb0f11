"""One attempt as Envoy opens it: with what the router decided, and where Envoy is."""

from collections.abc import Mapping
from typing import Any

from extproc import names
from extproc.exchange.attempt import AttemptExchange
from extproc.protocol.events import Context, Headers, HeadersEvent
from extproc.protocol.replies import Metadata
from tests.exchange.scene import Scene

SENT = {"accept": "*/*", "user-agent": "test", "x-mine": "1", "content-length": "999"}


async def planned(scene: Scene, body: Any, **asked: Any) -> Metadata:
    turn = await scene.ask(body, **asked)
    assert names.META_PLAN in turn.reply.metadata, turn.reply
    metadata: Metadata = turn.reply.metadata
    return metadata


def cluster_of(scene: Scene, metadata: Metadata, attempt: int) -> str:
    targets = metadata[names.META][names.M_TARGETS]
    return scene.current.providers[targets[attempt - 1].partition("/")[0]].cluster


def attempt(
    scene: Scene,
    metadata: Metadata,
    number: int = 1,
    *,
    cluster: str | None = None,
    present: Mapping[str, str] = {},
    end: bool = False,
) -> HeadersEvent:
    pairs = {":method": "POST", ":path": "/v1/chat/completions", ":authority": "gateway", **SENT, **present}
    attributes = {
        names.ATTR_ATTEMPT: number,
        names.ATTR_CLUSTER: cluster_of(scene, metadata, number) if cluster is None else cluster,
    }
    block = Headers(tuple((name, value.encode()) for name, value in pairs.items()))
    return HeadersEvent("request", block, end, Context(attributes, metadata))


def begun(scene: Scene) -> AttemptExchange:
    return AttemptExchange(scene.desk)
