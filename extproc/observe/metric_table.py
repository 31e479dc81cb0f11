"""The list of every metric: name, type, labels and a sentence. docs/metrics.md is made from it.

Law: a metric exists when it stands here and not otherwise. Changing a name or a label breaks somebody's dashboard.
"""

from dataclasses import dataclass
from typing import Final, Literal

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
DECISION_SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    doc: str
    buckets: tuple[float, ...] = ()


METRICS: Final = (
    Metric(
        "extproc_exchanges_total",
        "counter",
        ("route", "endpoint", "provider", "model", "status_class"),
        "Exchanges that ended, by the target that answered and the class of the status that the caller got"
        " (`none`: the caller left before any).",
    ),
    Metric(
        "extproc_refusals_total",
        "counter",
        ("reason",),
        "Exchanges that were refused, by us or by Envoy in our name; the reasons are the error codes that callers see.",
    ),
    Metric(
        "extproc_attempts_total",
        "counter",
        ("provider", "model", "result"),
        "Attempts at targets. `result` is `ok`, `failure` (refused, reset, too late, 5xx, cut), `rate_limited`,"
        " `caller_error` (other 4xx), `sink` (the target had no host), `cancelled` or `unknown` (its record was lost).",
    ),
    Metric(
        "extproc_losses_total",
        "counter",
        ("provider", "parameter"),
        "What callers asked for and the target that answered could not be told, by the member of the request.",
    ),
    Metric(
        "extproc_tokens_total",
        "counter",
        ("provider", "model", "kind"),
        "Tokens. `kind` is `input` (all that was read), `output` (all that was written), or what of them was"
        " `cached_input`, `cache_write`, `cache_write_1h`, `audio_input`, `cached_audio`, `image_input`, `reasoning`,"
        " `audio_output`, `image_output`, or `estimated`: those of input and output that no provider counted.",
    ),
    Metric(
        "extproc_cost_dollars_total",
        "counter",
        ("provider", "model", "team"),
        "What exchanges cost, at the prices under which they were decided. Exchanges of unpriced targets add nothing.",
    ),
    Metric(
        "extproc_streams_failed_total",
        "counter",
        ("provider", "model", "code"),
        "Translated streams that ended with an error event behind their beginning. `code` is `upstream_error` (the"
        " provider said so) or `upstream_garbled` (it ended in the middle, or could not be read).",
    ),
    Metric(
        "extproc_exchange_seconds",
        "histogram",
        ("route", "endpoint", "provider", "model"),
        "How long exchanges took, from the first byte of the request to the last of the answer.",
        SECONDS,
    ),
    Metric(
        "extproc_first_token_seconds",
        "histogram",
        ("provider", "model"),
        "How long streamed answers took to their first chunk.",
        SECONDS,
    ),
    Metric(
        "extproc_decision_seconds",
        "histogram",
        (),
        "How long the processor took to read a request and decide, waiting for Envoy not included.",
        DECISION_SECONDS,
    ),
    Metric(
        "extproc_streams_open",
        "gauge",
        ("filter",),
        "gRPC streams of Envoy's that are open: `router`, `attempt`, `errors`, `log`.",
    ),
    Metric(
        "extproc_breaker_state",
        "gauge",
        ("target",),
        "Breakers that keep requests back: 1 probing, 2 shut. A target without a series serves; models under one glob"
        " share the worst.",
    ),
    Metric(
        "extproc_provider_health",
        "gauge",
        ("provider",),
        "Providers that are probed: 1 serving, 0.5 opening again, 0 shut. One without a series is not probed, or was"
        " not yet, or is asleep; it serves.",
    ),
    Metric(
        "extproc_probes_total",
        "counter",
        ("provider", "result"),
        "Active probes of providers' endpoints. `result` is `ok` or `failure`. They count as no attempts.",
    ),
    Metric("extproc_config_info", "gauge", ("hash",), "1 for the configuration in use, by its hash."),
    Metric(
        "extproc_config_loaded_timestamp",
        "gauge",
        (),
        "When the configuration in use was loaded, in seconds since the epoch.",
    ),
    Metric(
        "extproc_config_reloads_total",
        "counter",
        ("result",),
        "Reloads. `result` is `ok` or `rejected`: the old configuration stayed.",
    ),
    Metric("extproc_bugs_total", "counter", (), "Errors that are ours. Each is in the log; any is worth a report."),
    Metric(
        "extproc_log_records_total",
        "counter",
        ("kind",),
        "Records of Envoy's access log that came in: `exchange`, `attempt`, or `periodic` ones while a stream runs.",
    ),
    Metric(
        "extproc_log_records_lost_total",
        "counter",
        (),
        "Records that must have been written and never came, or found no room.",
    ),
)
