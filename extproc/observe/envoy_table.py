"""What `extproc up` tells of Envoy's own counters, under names of ours: docs/metrics.md and the page are made from it.

Law: only what no processor can know, because Envoy ended it before it asked. A name of Envoy's that does not exist
counts as nothing.
"""

from dataclasses import dataclass
from typing import Final, Literal

CALLERS: Final = "callers"  # what the listener and its statistics are called


@dataclass(frozen=True, slots=True)
class EnvoyMetric:
    name: str
    type: Literal["counter", "gauge"]
    label: str | None
    stats: tuple[tuple[str, str], ...]  # the label's value, and the name of Envoy's
    doc: str
    scale: float = 1.0


ENVOY_METRICS: Final = (
    EnvoyMetric(
        "extproc_connections_open", "gauge", None, (("", f"http.{CALLERS}.downstream_cx_active"),), "Clients connected."
    ),
    EnvoyMetric(
        "extproc_requests_open",
        "gauge",
        None,
        (("", f"http.{CALLERS}.downstream_rq_active"),),
        "Requests of clients whose answers have not ended.",
    ),
    EnvoyMetric(
        "extproc_connections_refused_total",
        "counter",
        "reason",
        (
            ("connections", f"listener.{CALLERS}.downstream_global_cx_overflow"),
            ("connections_per_second", "listener_local_ratelimit.extproc_connections.rate_limited"),
            ("streams_reset", f"http.{CALLERS}.downstream_rq_too_many_premature_resets"),
            ("protocol", f"http.{CALLERS}.downstream_cx_protocol_error"),
        ),
        "Connections that Envoy closed: over `connections` or `connections_per_second` of `listen.limits`, because most"
        " of their streams were opened and reset at once, or because what was sent on them is no HTTP that is taken:"
        " too large or too many headers by HTTP/1.1, more streams than allowed.",
    ),
    EnvoyMetric(
        "extproc_requests_refused_total",
        "counter",
        "reason",
        (
            ("address", "extproc_address.http_local_rate_limit.enforced"),
            ("overload", f"http.{CALLERS}.downstream_rq_overload_close"),
            ("headers_timeout", f"http.{CALLERS}.downstream_rq_header_timeout"),
            ("request_timeout", f"http.{CALLERS}.downstream_rq_timeout"),
        ),
        "Requests that Envoy refused before anybody was asked: over `per_address`, because its memory is almost full,"
        " or not complete within `headers_timeout` or `request_timeout`. The first two are in no other metric.",
    ),
    EnvoyMetric(
        "extproc_cross_origin_requests_total",
        "counter",
        "result",
        (("allowed", f"http.{CALLERS}.cors.origin_valid"), ("refused", f"http.{CALLERS}.cors.origin_invalid")),
        "Requests with an `Origin` on routes with a CORS policy, preflights too, by whether scripts of it may call.",
    ),
    EnvoyMetric(
        "extproc_envoy_memory_share",
        "gauge",
        None,
        (("", "overload.envoy.resource_monitors.fixed_heap.pressure"),),
        "How much of what it may hold Envoy holds: at 0.95 new requests get 503.",
        scale=0.01,
    ),
)
