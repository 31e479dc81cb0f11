"""What targets look like, as gauges: fresh measures only, under names of the configuration."""

from extproc.decision.plan import SIZES, Measure, Observation, Plan, Step
from extproc.observe.metric_table import METRICS
from extproc.observe.metrics import Metrics
from extproc.observe.target_gauges import JOINED, SIZE_NAMES
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Target
from tests.outcome.samples import SNAPSHOT

NOW = 1000.0
SMALL = {"provider": "lab", "model": "small"}
SEEN = Observation(
    in_flight=2,
    errors=Measure(0.25, NOW),
    first_token={0: Measure(0.2, NOW), 3: Measure(3.0, NOW - 601)},
    per_token=Measure(0.01, NOW),
    latency_p95=Measure(0.4, NOW),
    requests_left=Measure(5, NOW),
    tokens_left=Measure(9000, NOW),
    queue_depth=Measure(3, NOW),
    tokens_per_second=Measure(70, NOW),
    cached_share=Measure(0.5, NOW),
)


def metrics(**observations: Observation) -> Metrics:
    made = Metrics()
    made.config_in_use(SNAPSHOT, 1700.0)
    made.targets({name.replace("__", "/"): seen for name, seen in observations.items()}, NOW)
    return made


def value(of: Metrics, name: str, **labels: str) -> float | None:
    return of.registry.get_sample_value(name, labels)


def test_all_that_is_fresh_is_shown_and_nothing_else() -> None:
    made = metrics(lab__small=SEEN)
    assert value(made, "extproc_target_first_token_seconds", **SMALL, prompt="small") == 0.2
    assert value(made, "extproc_target_first_token_seconds", **SMALL, prompt="huge") is None, "it is stale"
    assert value(made, "extproc_target_first_token_p95_seconds", **SMALL) == 0.4
    assert value(made, "extproc_target_token_seconds", **SMALL) == 0.01
    assert value(made, "extproc_target_error_share", **SMALL) == 0.25
    assert value(made, "extproc_target_in_flight", **SMALL) == 2
    assert value(made, "extproc_target_limit_left", **SMALL, unit="requests") == 5
    assert value(made, "extproc_target_limit_left", **SMALL, unit="tokens") == 9000
    assert value(made, "extproc_target_cached_share", **SMALL) == 0.5
    assert value(made, "extproc_provider_queue_depth", provider="lab") == 3
    assert value(made, "extproc_provider_tokens_per_second", provider="lab") == 70


def test_what_is_gone_has_no_series_any_more() -> None:
    made = metrics(lab__small=SEEN)
    made.targets({}, NOW)
    assert not [sample for family in made.registry.collect() for sample in family.samples if sample.name in JOINED]


def test_models_under_one_glob_share_the_worst_or_the_sum() -> None:
    """And names that the configuration does not hold are `other`."""
    better = Observation(in_flight=1, errors=Measure(0.1, NOW), requests_left=Measure(2, NOW))
    made = metrics(anthropic__x=SEEN, **{"anthropic__claude-a": SEEN, "anthropic__claude-b": better})
    glob = {"provider": "anthropic", "model": "claude-*"}
    assert value(made, "extproc_target_in_flight", **glob) == 3
    assert value(made, "extproc_target_error_share", **glob) == 0.25
    assert value(made, "extproc_target_limit_left", **glob, unit="requests") == 2
    assert value(made, "extproc_target_in_flight", provider="anthropic", model="other") == 2


def test_each_gauge_of_targets_is_written_here() -> None:
    named = {metric.name for metric in METRICS if metric.name.startswith(("extproc_target_", "extproc_provider_"))}
    assert set(JOINED) == named - {"extproc_provider_health"} and len(SIZE_NAMES) == len(SIZES) + 1


def plan(code: str = "cheapest", provider: str = "lab", strategy: str = "ordered") -> Plan:
    return Plan((Step(Target(provider, "small"), "", code),), strategy, "", 60.0, False)


def test_plans_are_counted_by_who_stands_first_and_why() -> None:
    made = metrics()
    for one in (plan(), plan(), plan(code=""), plan(provider="gone", strategy="made-up")):
        made.planned("main", one)
    made.planned("main", Refusal(Reason.MODEL_NOT_FOUND, "no"))
    labels = {"route": "main", "strategy": "ordered", "provider": "lab"}
    assert value(made, "extproc_decisions_total", **labels, code="cheapest") == 2
    assert value(made, "extproc_decisions_total", **labels, code="none") == 1
    strange = {"route": "main", "strategy": "other", "provider": "other"}
    assert value(made, "extproc_decisions_total", **strange, code="cheapest") == 1
