"""The list of every metric: name, type, labels and a sentence. docs/metrics.md is made from it.

Law: a metric exists when it stands here and not otherwise. Changing a name or a label breaks somebody's dashboard.
Counts of several workers add up; each gauge says how the same series of several workers become one.
"""

from dataclasses import dataclass
from typing import Final, Literal

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
DECISION_SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)


Join = Literal["sum", "max", "min"]


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    doc: str
    buckets: tuple[float, ...] = ()
    join: Join = "sum"


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
        "extproc_shadows_sent_total",
        "counter",
        ("provider", "model"),
        "Copies of requests that were sent to shadows. They count nowhere else, and cost nobody anything here.",
    ),
    Metric(
        "extproc_shadows_total",
        "counter",
        ("provider", "model", "result"),
        "How copies went: `ok`, `rate_limited`, `caller_error` (other 4xx), `failure` (5xx), `refused` (it could not be"
        " said to the target) or `no_answer`. One whose connection was refused is in none of them, or in `no_answer`.",
    ),
    Metric(
        "extproc_shadow_seconds",
        "histogram",
        ("provider", "model"),
        "How long shadows took to the headers of a good answer.",
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
        "gRPC streams of Envoy's that are open: `router`, `attempt`, `errors`, `shadow`, `log`.",
        join="sum",
    ),
    Metric(
        "extproc_breaker_state",
        "gauge",
        ("target",),
        "Breakers that keep requests back: 1 probing, 2 shut. A target without a series serves; models under one glob"
        " share the worst.",
        join="max",
    ),
    Metric(
        "extproc_certificate_expiry_timestamp_seconds",
        "gauge",
        ("upstream", "kind"),
        "When the certificates in the files for TLS end, in seconds since the epoch. `kind` is `client`"
        " (the first to end of the chain that is shown) or `ca` (the next to end of those that are trusted). Towards"
        " clients `upstream` is `listen`, and `kind` is `server` or `client_ca`.",
        join="min",
    ),
    Metric(
        "extproc_arm_exchanges_total",
        "counter",
        ("strategy", "arm", "result"),
        "Exchanges that began in an arm of a canary, `stable` or `canary`. `result` is `ok`, `failed` (the arm's own"
        " target, also where another one then answered) or `other`: it says nothing of the arm.",
    ),
    Metric(
        "extproc_arm_seconds",
        "histogram",
        ("strategy", "arm"),
        "What callers in an arm waited: to the first chunk of a stream, to the end of other answers, with failovers.",
        SECONDS,
    ),
    Metric(
        "extproc_arm_tokens_total",
        "counter",
        ("strategy", "arm"),
        "Tokens of input and output of what an arm answered itself.",
    ),
    Metric(
        "extproc_arm_cost_dollars_total",
        "counter",
        ("strategy", "arm"),
        "What those cost. Exchanges of unpriced targets add nothing.",
    ),
    Metric(
        "extproc_canary_share",
        "gauge",
        ("strategy",),
        "The canary's share of its strategy's requests, from 0 to 1.",
        join="max",
    ),
    Metric(
        "extproc_canary_moves_total",
        "counter",
        ("strategy", "move"),
        "What happened to canaries. `move` is `step`, `hold`, `promote` or `rollback`.",
    ),
    Metric(
        "extproc_canary_webhooks_total",
        "counter",
        ("strategy", "result"),
        "Webhooks told of a canary's move. `result` is `ok`, or `failed` after the last try.",
    ),
    Metric(
        "extproc_provider_health",
        "gauge",
        ("provider",),
        "Providers that are probed: 1 serving, 0.5 opening again, 0 shut. One without a series is not probed, or was"
        " not yet, or is asleep; it serves.",
        join="min",
    ),
    Metric(
        "extproc_probes_total",
        "counter",
        ("provider", "result"),
        "Active probes of providers' endpoints. `result` is `ok` or `failure`. They count as no attempts.",
    ),
    Metric(
        "extproc_decisions_total",
        "counter",
        ("route", "strategy", "provider", "code"),
        "Plans that were made, by the provider that stood first and one word for why it did.",
    ),
    Metric(
        "extproc_target_first_token_seconds",
        "gauge",
        ("provider", "model", "prompt"),
        "Seconds from an attempt's beginning to the first piece of its streamed answer: a mean of the latest. `prompt`"
        " is how large the prompt was: `small` (under 1,000 tokens), `medium` (8,000), `large` (32,000) or `huge`."
        " This and all that follow are what routing looks at; what is stale has no series, and models under one glob"
        " share the worst, or the sum where they add up.",
        join="max",
    ),
    Metric(
        "extproc_target_first_token_p95_seconds",
        "gauge",
        ("provider", "model"),
        "The 95th percentile of the latest first tokens, or of latencies as the cluster itself says.",
        join="max",
    ),
    Metric(
        "extproc_target_token_seconds",
        "gauge",
        ("provider", "model"),
        "Seconds for each token of output: a mean of the latest.",
        join="max",
    ),
    Metric(
        "extproc_target_error_share",
        "gauge",
        ("provider", "model"),
        "The share of the latest attempts that failed, from 0 to 1. A 429 is no failure.",
        join="max",
    ),
    Metric(
        "extproc_target_in_flight",
        "gauge",
        ("provider", "model"),
        "Exchanges that are at this target now, counted from the decision.",
        join="max",
    ),
    Metric(
        "extproc_target_limit_left",
        "gauge",
        ("provider", "model", "unit"),
        "What the provider's rate limit leaves, as its headers say. `unit` is `requests` or `tokens`.",
        join="min",
    ),
    Metric(
        "extproc_target_cached_share",
        "gauge",
        ("provider", "model"),
        "The share of input tokens that the target's cache held lately, from 0 to 1.",
        join="min",
    ),
    Metric(
        "extproc_provider_queue_depth",
        "gauge",
        ("provider",),
        "Requests that wait in a cluster, as it says.",
        join="max",
    ),
    Metric(
        "extproc_provider_tokens_per_second",
        "gauge",
        ("provider",),
        "Tokens of output a second of a cluster: as it says, else tokens of exchanges that ended over the seconds in"
        " which any was open.",
        join="max",
    ),
    Metric(
        "extproc_provider_cost_per_1k_dollars",
        "gauge",
        ("provider",),
        "What 1,000 tokens of a cluster cost at the speed that it is measured, declared or assumed to have.",
        join="max",
    ),
    Metric(
        "extproc_config_info",
        "gauge",
        ("hash",),
        "1 for the configuration in use, by its hash.",
        join="max",
    ),
    Metric(
        "extproc_config_loaded_timestamp",
        "gauge",
        (),
        "When the configuration in use was loaded, in seconds since the epoch.",
        join="max",
    ),
    Metric(
        "extproc_config_reloads_total",
        "counter",
        ("result",),
        "Reloads. `result` is `ok` or `rejected`: the old configuration stayed.",
    ),
    Metric(
        "extproc_other_configuration_total",
        "counter",
        ("result",),
        "Exchanges that came by a route of another configuration than the processor's. `result` is `served`, by the"
        " route of that name, or `refused`: there is none.",
    ),
    Metric("extproc_bugs_total", "counter", (), "Errors that are ours. Each is in the log; any is worth a report."),
    Metric(
        "extproc_log_records_total",
        "counter",
        ("kind",),
        "Records of Envoy's access log that came in: `exchange`, `attempt`, `shadow` (a copy's), or"
        " `periodic` ones while a stream runs.",
    ),
    Metric(
        "extproc_sibling_messages_lost_total",
        "counter",
        (),
        "What workers told each other and was not heard: there was no room, or it could not be read.",
    ),
    Metric(
        "extproc_log_records_lost_total",
        "counter",
        (),
        "Records that must have been written and never came, or found no room.",
    ),
)
