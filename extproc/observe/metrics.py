"""Every metric of the processor, in one place, on a registry of its own.

Law: metric_table.py is the whole list. A label's value is a name of the configuration or
a word of ours (see labels.py); no request can make a series. Money leaves as dollars here, for people's eyes only.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from extproc.decision.plan import Health, Observation, Plan
from extproc.decision.rollout import MOVES
from extproc.decision.rollout_window import Sample
from extproc.money import NANO
from extproc.observe.labels import NONE, LabelNames, status_class
from extproc.observe.metric_table import METRICS, Metric
from extproc.observe.outcome import Attempt, Outcome
from extproc.observe.target_gauges import write_targets
from extproc.refusal import Reason, Refusal
from extproc.snapshot import ClusterSpec, Snapshot, Target

HEALTH_VALUES: Final = {"serving": 1.0, "probing": 0.5, "shut": 0.0}  # unknown has none
BREAKER_VALUES: Final = {"serving": 0, "probing": 1, "shut": 2}
FILTERS: Final = ("router", "attempt", "errors", "shadow", "log")
FAILURES: Final = frozenset({Reason.UPSTREAM_ERROR.code, Reason.UPSTREAM_GARBLED.code})
RELOAD_RESULTS: Final = ("ok", "rejected")
SERIES_AT_HAND: Final = 1024


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._names = LabelNames()
        self._clusters: Mapping[str, ClusterSpec] = {}
        made = {metric.name: _make(metric, self.registry) for metric in METRICS}
        self._counters = {name: metric for name, metric in made.items() if isinstance(metric, Counter)}
        self._gauges = {name: metric for name, metric in made.items() if isinstance(metric, Gauge)}
        self._histograms = {name: metric for name, metric in made.items() if isinstance(metric, Histogram)}
        # Finding a series by its labels costs more than counting in it, so each is looked up once.
        self._counter = lru_cache(maxsize=SERIES_AT_HAND)(self._find_counter)
        self._histogram = lru_cache(maxsize=SERIES_AT_HAND)(self._find_histogram)
        # What is zero from the start can be watched from the start.
        self._open = {name: self._gauges["extproc_streams_open"].labels(name) for name in FILTERS}
        for way in ("served", "refused"):
            self._counter("extproc_other_configuration_total", way)
        for result in RELOAD_RESULTS:
            self._counter("extproc_config_reloads_total", result)

    def expose(self) -> bytes:
        """All of them, in the text form that Prometheus reads."""
        return generate_latest(_WithoutCreated(self.registry))

    # --- exchanges ---------------------------------------------------------------------------------------------------

    def exchange(self, outcome: Outcome) -> None:
        """One exchange has ended."""
        names = self._names
        route, endpoint = names.route(outcome.route), names.endpoint(outcome.endpoint)
        provider, model = names.provider_and_model(outcome.target)
        status = status_class(outcome.status)
        self._counter("extproc_exchanges_total", route, endpoint, provider, model, status).inc()
        if outcome.refusal is not None:
            self._counter("extproc_refusals_total", names.reason(outcome.refusal)).inc()
        for attempt in outcome.attempts:
            self._attempt(attempt)
        for parameter in {names.parameter(loss) for loss in outcome.losses}:
            self._counter("extproc_losses_total", provider, parameter).inc()
        if outcome.failed is not None:
            code = outcome.failed if outcome.failed in FAILURES else "other"
            self._counter("extproc_streams_failed_total", provider, model, code).inc()
        self._spent(outcome, provider, model)
        if outcome.duration_ms is not None:
            seconds = outcome.duration_ms / 1000
            self._histogram("extproc_exchange_seconds", route, endpoint, provider, model).observe(seconds)
        if outcome.stream and outcome.ttft_ms is not None and status == "2xx":
            self._histogram("extproc_first_token_seconds", provider, model).observe(outcome.ttft_ms / 1000)

    def _attempt(self, attempt: Attempt) -> None:
        provider, model = self._names.provider_and_model(attempt.target)
        self._counter("extproc_attempts_total", provider, model, attempt.kind).inc()

    def _spent(self, outcome: Outcome, provider: str, model: str) -> None:
        usage = outcome.usage
        if usage is not None:
            guessed = usage.input + usage.output if usage.estimated else 0
            kinds = usage.counts() | {"estimated": guessed}
            for kind, tokens in kinds.items():
                if tokens > 0:
                    self._counter("extproc_tokens_total", provider, model, kind).inc(tokens)
        if outcome.cost is not None:
            team = self._names.team(outcome.labels.get("team"))
            self._counter("extproc_cost_dollars_total", provider, model, team).inc(outcome.cost / NANO)

    def decision(self, seconds: float) -> None:
        self._histograms["extproc_decision_seconds"].observe(seconds)

    def planned(self, route: str, outcome: Plan | Refusal) -> None:
        """A decision was made; refusals are counted when their exchange has ended."""
        if isinstance(outcome, Plan):
            first, names = outcome.steps[0], self._names
            provider = names.provider(first.target.provider)
            labels = (names.route(route), names.strategy(outcome.strategy), provider, first.code or NONE)
            self._counter("extproc_decisions_total", *labels).inc()

    def targets(self, observations: Mapping[str, Observation], now: float) -> None:
        """Write down anew what targets look like; keys are `provider/model`."""
        write_targets(self._gauges, self._names, observations, self._clusters, now)

    def shadow_sent(self, target: Target) -> None:
        self._counter("extproc_shadows_sent_total", *self._names.provider_and_model(str(target))).inc()

    def shadow_ended(self, target: Target, result: str, seconds: float) -> None:
        """Apart from everything else: nobody waited for it and nobody pays."""
        names = self._names.provider_and_model(str(target))
        self._counter("extproc_shadows_total", *names, result).inc()
        if result == "ok":
            self._histogram("extproc_shadow_seconds", *names).observe(seconds)

    # --- the processor itself ----------------------------------------------------------------------------------------

    def stream_opened(self, filter: str) -> None:
        self._open_streams(filter).inc()

    def stream_closed(self, filter: str) -> None:
        self._open_streams(filter).dec()

    def breakers(self, observations: Mapping[str, Observation]) -> None:
        """Write down all breakers anew; keys are `provider/model`."""
        states: dict[str, int] = {}
        for target, observation in observations.items():
            label = "/".join(self._names.provider_and_model(target))
            states[label] = max(states.get(label, 0), BREAKER_VALUES[observation.breaker])
        gauge = self._gauges["extproc_breaker_state"]
        gauge.clear()
        for label, state in states.items():
            gauge.labels(label).set(state)

    def certificates(self, expiries: Mapping[tuple[str, str], float]) -> None:
        """Write down anew when each upstream's certificates end; keys are its name and the kind."""
        gauge = self._gauges["extproc_certificate_expiry_timestamp_seconds"]
        gauge.clear()
        for (upstream, kind), end in expiries.items():
            gauge.labels(upstream, kind).set(end)

    def probe(self, provider: str, ok: bool) -> None:
        """An endpoint of a provider was asked how it is."""
        self._counter("extproc_probes_total", self._names.provider(provider), "ok" if ok else "failure").inc()

    def provider_health(self, states: Mapping[str, Health]) -> None:
        """Write down anew how all providers are that are probed."""
        gauge = self._gauges["extproc_provider_health"]
        gauge.clear()
        for provider, state in states.items():
            if state in HEALTH_VALUES:
                gauge.labels(self._names.provider(provider)).set(HEALTH_VALUES[state])

    # --- canaries: strategies are names of the configuration ----------------------------------------------------------

    def arm_exchange(self, strategy: str, arm: str, result: str, sample: Sample | None) -> None:
        self._counter("extproc_arm_exchanges_total", strategy, arm, result).inc()
        if sample is None:
            return
        if sample.seconds is not None:
            self._histogram("extproc_arm_seconds", strategy, arm).observe(sample.seconds)
        self._counter("extproc_arm_tokens_total", strategy, arm).inc(sample.tokens)
        self._counter("extproc_arm_cost_dollars_total", strategy, arm).inc((sample.cost or 0) / NANO)

    def canary_moved(self, strategy: str, move: str) -> None:
        self._counter("extproc_canary_moves_total", strategy, move).inc()

    def canary_shares(self, shares: Mapping[str, float]) -> None:
        """Write down all shares anew. What may happen to each can be watched before it does."""
        gauge = self._gauges["extproc_canary_share"]
        gauge.clear()
        for strategy, share in shares.items():
            gauge.labels(strategy).set(share)
            for move in MOVES:
                self._counter("extproc_canary_moves_total", strategy, move)

    def canary_webhook(self, strategy: str, result: Literal["ok", "failed"]) -> None:
        self._counter("extproc_canary_webhooks_total", strategy, result).inc()

    # --- configuration and records ------------------------------------------------------------------------------------

    def config_in_use(self, snapshot: Snapshot, loaded_at: float) -> None:
        """Labels are this snapshot's names from now on."""
        self._names = LabelNames(snapshot)
        by_the_hour = ((name, provider.by_the_hour) for name, provider in snapshot.providers.items())
        self._clusters = {name: spec for name, spec in by_the_hour if spec is not None}
        info = self._gauges["extproc_config_info"]
        info.clear()
        info.labels(snapshot.id).set(1)
        self._gauges["extproc_config_loaded_timestamp"].set(loaded_at)

    def config_reload(self, result: Literal["ok", "rejected"]) -> None:
        self._counter("extproc_config_reloads_total", result).inc()

    def other_configuration(self, result: Literal["served", "refused"]) -> None:
        """An exchange came by a route of another configuration than ours."""
        self._counter("extproc_other_configuration_total", result).inc()

    def bug(self) -> None:
        self._counters["extproc_bugs_total"].inc()

    def sibling_messages_lost(self, count: int = 1) -> None:
        self._counters["extproc_sibling_messages_lost_total"].inc(count)

    def record(self, kind: str) -> None:
        self._counter("extproc_log_records_total", kind).inc()

    def records_lost(self, count: int) -> None:
        self._counters["extproc_log_records_lost_total"].inc(count)

    # --- series ------------------------------------------------------------------------------------------------------

    def _find_counter(self, name: str, *labels: str) -> Counter:
        return self._counters[name].labels(*labels)

    def _find_histogram(self, name: str, *labels: str) -> Histogram:
        return self._histograms[name].labels(*labels)

    def _open_streams(self, filter: str) -> Gauge:
        return self._open.get(filter) or self._gauges["extproc_streams_open"].labels(NONE)


class _WithoutCreated(Collector):
    """The registry without the `_created` series, which would double it and which nobody asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Family]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def _make(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.type == "counter":
        return Counter(metric.name, metric.doc, metric.labels, registry=registry)
    if metric.type == "gauge":
        return Gauge(metric.name, metric.doc, metric.labels, registry=registry)
    return Histogram(metric.name, metric.doc, metric.labels, registry=registry, buckets=metric.buckets)
