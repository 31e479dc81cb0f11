"""What of Envoy's own statistics is worth knowing: names as Prometheus sees them, and what they mean here.

Law: each is in a scrape of a running gateway; a test asks one.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EnvoyStatistic:
    name: str
    labels: tuple[str, ...]
    doc: str


_CALLERS: Final = ("envoy_http_conn_manager_prefix",)
_UPSTREAM: Final = ("provider",)

ENVOY_STATISTICS: Final = (
    EnvoyStatistic(
        "envoy_http_downstream_rq_xx", ("envoy_response_code_class", *_CALLERS), "What callers got, by class of status."
    ),
    EnvoyStatistic("envoy_http_downstream_rq_time", _CALLERS, "How long requests took, in milliseconds: a histogram."),
    EnvoyStatistic("envoy_http_downstream_rq_active", _CALLERS, "Open requests."),
    EnvoyStatistic("envoy_http_downstream_cx_active", _CALLERS, "Open connections of callers."),
    EnvoyStatistic("envoy_cluster_upstream_rq_total", _UPSTREAM, "Attempts at a provider, requests to a service."),
    EnvoyStatistic(
        "envoy_cluster_upstream_rq_xx",
        ("envoy_response_code_class", *_UPSTREAM),
        "Answers of upstreams that went to a caller.",
    ),
    EnvoyStatistic(
        "envoy_cluster_retry_upstream_rq_xx",
        ("envoy_response_code_class", *_UPSTREAM),
        "Answers after which the next target was tried: no caller saw them.",
    ),
    EnvoyStatistic(
        "envoy_cluster_upstream_rq_time",
        _UPSTREAM,
        "How long attempts took to their end, in milliseconds: a histogram.",
    ),
    EnvoyStatistic("envoy_cluster_upstream_rq_active", _UPSTREAM, "Open requests."),
    EnvoyStatistic(
        "envoy_cluster_upstream_rq_retry", _UPSTREAM, "Attempts that it got because another target had failed."
    ),
    EnvoyStatistic("envoy_cluster_upstream_rq_per_try_timeout", _UPSTREAM, "Attempts without a first byte in time."),
    EnvoyStatistic("envoy_cluster_upstream_rq_rx_reset", _UPSTREAM, "Requests that the upstream broke off."),
    EnvoyStatistic(
        "envoy_cluster_upstream_cx_connect_fail",
        _UPSTREAM,
        "Connections that were refused; those to the sink, for a provider without an address, count too.",
    ),
    EnvoyStatistic(
        "envoy_cluster_membership_healthy",
        _UPSTREAM,
        "Endpoints that serve. A provider has one more than you wrote: the sink.",
    ),
    EnvoyStatistic(
        "envoy_http_ext_proc_router_streams_failed",
        _CALLERS,
        "Streams to the processor that broke: requests that ended with 503 or 500.",
    ),
    EnvoyStatistic("envoy_http_ext_proc_router_message_timeouts", _CALLERS, "The processor took too long."),
    EnvoyStatistic("envoy_cluster_ext_proc_attempt_streams_failed", _UPSTREAM, "The same for attempts."),
    EnvoyStatistic(
        "envoy_access_logs_grpc_access_log_logs_dropped", (), "Access-log records that the processor never got."
    ),
    EnvoyStatistic(
        "envoy_overload_envoy_resource_monitors_global_downstream_max_connections_pressure",
        (),
        "How much of its connections Envoy has given away, in percent; at 100 it refuses callers.",
    ),
    EnvoyStatistic(
        "envoy_server_days_until_first_cert_expiring", (), "Of the certificates that Envoy has; 4294967295 without any."
    ),
    EnvoyStatistic("envoy_server_memory_allocated", (), "Bytes."),
    EnvoyStatistic(
        "envoy_extproc_exchanges",
        ("provider", "caller", "code"),
        "Exchanges, by who answered, who asked, and the status.",
    ),
    EnvoyStatistic(
        "envoy_extproc_attempts", ("provider", "caller", "code"), "Their attempts, those at the sink included."
    ),
    EnvoyStatistic("envoy_extproc_duration_ms", ("provider", "caller", "code"), "How long they took: a histogram."),
    EnvoyStatistic(
        "envoy_extproc_first_byte_ms",
        ("provider", "caller", "code"),
        "To the first byte of an upstream's answer: a histogram.",
    ),
)
