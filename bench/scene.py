"""What is measured: an upstream, a plain Envoy before it, and the gateway before it.

Law: the plain Envoy is the same hop as the gateway's: the same binary, one thread, the same upstream over the same Unix
socket. The upstream is an Envoy that answers by itself, in a process of its own, so its work is nobody's figure.
"""

import json
import socket
from pathlib import Path

from bench.client import Call

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
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": [router],
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

    return {
        "providers": {
            "same": provider("up", "m"),
            "other": provider("up", {"name": "renamed", "upstream": "m"}),
            "failing": provider("failing", "falls", circuit_breaker={"failure_threshold": NEVER}),
            "standby": provider("up", "falls"),
            "streaming": provider("stream", "streamed"),
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


def chat(model: str, answered_by: bytes = b"", *, stream: bool = False) -> Call:
    """A request of a few hundred bytes, and the header or the end by which its answer is known."""
    asked: Node = {"model": model, "messages": [{"role": "user", "content": "Say hello. " + "Please be brief. " * 12}]}
    body = json.dumps({**asked, "stream": True} if stream else asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {'exact' if stream else 'localhost'}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return Call(head.encode() + body, in_head=answered_by, in_body=b"[DONE]" if stream else b"Hello there!")
