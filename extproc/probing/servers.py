"""Which numbers the metrics of the known inference servers are: llama.cpp, vLLM, SGLang, TGI.

Law: one line of the table for each server. What a page of metrics holds says whose it is.
"""

from dataclasses import dataclass
from typing import Final

from extproc.probing.exposition import Exposition, quantile, read_exposition
from extproc.probing.numbers import Numbers, above_zero

P95: Final = 0.95


@dataclass(frozen=True, slots=True)
class Server:
    waiting: str  # a gauge of requests
    running: str  # likewise
    tokens: str  # a counter of those it has written
    speed: str = ""  # a gauge of tokens a second; 0 where it did nothing
    latencies: tuple[str, ...] = ()  # histograms of seconds, the most telling first


SERVERS: Final = (
    Server(  # llama.cpp, started with --metrics; its speed is that of one slot
        waiting="llamacpp:requests_deferred",
        running="llamacpp:requests_processing",
        tokens="llamacpp:tokens_predicted_total",
        speed="llamacpp:predicted_tokens_seconds",
    ),
    Server(
        waiting="vllm:num_requests_waiting",
        running="vllm:num_requests_running",
        tokens="vllm:generation_tokens_total",
        latencies=("vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"),
    ),
    Server(  # SGLang, started with --enable-metrics
        waiting="sglang:num_queue_reqs",
        running="sglang:num_running_reqs",
        tokens="sglang:generation_tokens_total",
        speed="sglang:gen_throughput",
        latencies=("sglang:time_to_first_token_seconds", "sglang:e2e_request_latency_seconds"),
    ),
    Server(
        waiting="tgi_queue_size",
        running="tgi_batch_current_size",
        tokens="tgi_request_generated_tokens_sum",
        latencies=("tgi_request_duration",),
    ),
)
_WANTED: Final = frozenset(
    name
    for server in SERVERS
    for name in (server.waiting, server.running, server.tokens, server.speed, *server.latencies)
    if name
)


@dataclass(frozen=True, slots=True)
class Scrape:
    """A page of metrics, and when it was read."""

    said: Exposition
    at: float


def read_metrics(body: bytes, at: float) -> Scrape:
    return Scrape(read_exposition(body, _WANTED), at)


def told(before: Scrape | None, now: Scrape) -> Numbers | None:
    """What the server says, with what it did since the scrape before; None: it is none that is known."""
    for server in SERVERS:
        if any(name in now.said.values for name in (server.waiting, server.running)):
            speed, at_least = _speed(server, before, now)
            return Numbers(now.said.values.get(server.waiting), speed, at_least, _latency(server, before, now))
    return None


def _speed(server: Server, before: Scrape | None, now: Scrape) -> tuple[float | None, bool]:
    """Tokens a second, and whether it was idle meanwhile, so that it may be faster."""
    own = above_zero(now.said.values.get(server.speed)) if server.speed else None
    made = _rate(server.tokens, before, now)
    busy = any(scrape is not None and scrape.said.values.get(server.running, 0) > 0 for scrape in (before, now))
    if own is not None:
        return max(own, made or 0.0), False
    return made, not busy


def _rate(counter: str, before: Scrape | None, now: Scrape) -> float | None:
    if before is None or counter not in now.said.values or counter not in before.said.values:
        return None
    elapsed = now.at - before.at
    return above_zero((now.said.values[counter] - before.said.values[counter]) / elapsed) if elapsed > 0 else None


def _latency(server: Server, before: Scrape | None, now: Scrape) -> float | None:
    for name in server.latencies:
        ends = now.said.buckets.get(name)
        earlier = before.said.buckets.get(name) if before is not None else None
        if ends and (found := quantile(P95, earlier, ends)) is not None:
            return found
    return None
