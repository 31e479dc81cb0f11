"""What is measured: an upstream, a plain Envoy before it, and the gateway before it.

Law: the plain Envoy is the same hop as the gateway's: the same binary, one thread, the same upstream over the same Unix
socket. The upstream is an Envoy that answers by itself, in a process of its own, so its work is nobody's figure.
"""

import json
import random
import socket
from pathlib import Path

from bench.client import Call
from tests.upstreams.formats import FORMATS
from tests.upstreams.words import Said

Node = dict[str, object]
TYPE = "type.googleapis.com/envoy.extensions.filters"
NEVER = 1_000_000_000  # failures after which a breaker opens: the failing target is to be tried each time
USAGE = {"prompt_tokens": 60, "completion_tokens": 3, "total_tokens": 63}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there!"}}],
    "usage": USAGE,
}
CLAUDE = FORMATS["anthropic"]
LONG = 64 * 1024  # bytes of the long prompt
WORDS = (
    "a an the of to and in that is was for on with as by at from or which one two this these not but if when then "
    "gateway request answer stream provider token price morning harbour light window engine letter between under "
    "carries counts turns remembers measured written slowly together, however. Therefore; although 1994 3.5 (again)"
)


def prose(size: int) -> str:
    """A text of so many bytes in which no long piece comes twice; the same one each time."""
    draw, words = random.Random(64), WORDS.split()
    said = ""
    while len(said) < size:
        said += " ".join(draw.choices(words, k=64)) + " "
    return said[:size]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def streamed_answer() -> str:
    """The same answer as a stream, with the chunk of usage that `usage: exact` asks for and takes out again."""
    said = [{"delta": {"content": word}, "index": 0, "finish_reason": None} for word in ("Hello", " there", "!")]
    ends = {"delta": {}, "index": 0, "finish_reason": "stop"}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": None}
    chunks = [{**chunk, "choices": [one]} for one in (*said, ends)]
    chunks.append({**chunk, "choices": [], "usage": USAGE})
    return "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"


# --- Envoys ----------------------------------------------------------------------------------------------------------


def upstream_envoy(directory: Path) -> Node:
    answers = {
        "up": _answering(200, "application/json", json.dumps(ANSWER)),
        "stream": _answering(200, "text/event-stream", streamed_answer()),
        "claude": _answering(200, CLAUDE.type, CLAUDE.whole(Said("Hello there!")).decode()),
        "claude-stream": _answering(200, CLAUDE.stream_type, CLAUDE.stream(Said("Hello there!")).decode()),
        "claude-denied": _answering(401, CLAUDE.type, CLAUDE.error(401, "invalid x-api-key")[2].decode()),
        "failing": _answering(500, "application/json", '{"error":{"message":"out of order","type":"server_error"}}'),
    }
    return {
        "static_resources": {
            "listeners": [_listener(name, _pipe(directory, name), answer) for name, answer in answers.items()]
        }
    }


def plain_envoy(directory: Path, port: int) -> Node:
    endpoint = {"endpoint": {"address": _pipe(directory, "up")}}
    cluster = {
        "name": "up",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up"}}
    return {"static_resources": {"listeners": [_listener("front", address, route)], "clusters": [cluster]}}


def _pipe(directory: Path, name: str) -> Node:
    return {"pipe": {"path": str(directory / f"{name}.sock")}}


def _answering(status: int, kind: str, body: str) -> Node:
    header = {"header": {"key": "content-type", "value": kind}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return {
        "match": {"prefix": "/"},
        "direct_response": {"status": status, "body": {"inline_string": body}},
        "response_headers_to_add": [header],
    }


def _listener(name: str, address: Node, route: Node) -> Node:
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}}
    # Who answers by itself would answer, and hang up, before a long request is there.
    buffer = {
        "name": "envoy.filters.http.buffer",
        "typed_config": {"@type": f"{TYPE}.http.buffer.v3.Buffer", "max_request_bytes": 4 * LONG},
    }
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": [buffer, router] if "direct_response" in route else [router],
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
    }
    return {
        "name": name,
        "address": address,
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }


# --- the gateway -----------------------------------------------------------------------------------------------------


def gateway_configuration(directory: Path) -> Node:
    """One provider for each exchange that is measured, under a host of its own."""

    def provider(socket_name: str, *models: object, **more: object) -> Node:
        endpoint = f"unix://{directory / f'{socket_name}.sock'}"
        return {"dialect": "openai", "endpoints": [endpoint], "credential": "k", "models": models, **more}

    def claude(socket_name: str, model: str) -> Node:
        return provider(socket_name, {"name": model, "upstream": "claude-sonnet-4-5"}, dialect="anthropic")

    return {
        "providers": {
            "same": provider("up", "m"),
            "other": provider("up", {"name": "renamed", "upstream": "m"}),
            "failing": provider("failing", "falls", circuit_breaker={"failure_threshold": NEVER}),
            "standby": provider("up", "falls"),
            "streaming": provider("stream", "streamed"),
            "claude": claude("claude", "translated"),
            "claude-stream": claude("claude-stream", "translated-stream"),
            "claude-denied": claude("claude-denied", "denied"),
            "counting": provider("up", "gpt-4o"),
        },
        "services": {"plain": {"endpoints": [f"unix://{directory / 'up.sock'}"]}},
        "routes": [
            {"match": {"path": "/plain"}, "service": "plain"},
            {"match": {"path": "/v1/*", "host": "exact"}, "usage": "exact"},
            {"match": {"path": "/v1/*"}},
        ],
    }


def get(path: str) -> Call:
    return Call(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode(), in_body=b"Hello")


SHORT = "Say hello. " + "Please be brief. " * 12


def chat(
    model: str,
    answered_by: bytes = b"",
    *,
    stream: bool = False,
    prompt: str = SHORT,
    status: bytes = b"200",
    host: str = "localhost",
    said: bytes = b"Hello there!",
) -> Call:
    """A request, of a few hundred bytes unless told otherwise, and by what its answer is known."""
    asked: Node = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    body = json.dumps({**asked, "stream": True} if stream else asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return Call(head.encode() + body, in_head=answered_by, in_body=b"[DONE]" if stream else said, status=status)
