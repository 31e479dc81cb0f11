"""What is counted, and under which labels."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from extproc.decision.plan import Observation
from extproc.money import Usage
from extproc.observe import metrics as metrics_module
from extproc.observe import target_gauges
from extproc.observe.decision_log import FIELDS
from extproc.observe.labels import LabelNames, status_class
from extproc.observe.metric_table import METRICS
from extproc.observe.metrics import Metrics
from extproc.observe.outcome import Attempt
from extproc.observe.reference import main, page
from extproc.snapshot import ShadowSpec, Target
from tests.observe.samples import ANSWERED, outcome
from tests.outcome.samples import SNAPSHOT

ROOT = Path(__file__).parents[2]


def metrics() -> Metrics:
    made = Metrics()
    made.config_in_use(SNAPSHOT, 1700.0)
    return made


def value(of: Metrics, name: str, **labels: str) -> float | None:
    return of.registry.get_sample_value(name, labels)


def test_an_exchange_is_counted_with_its_target() -> None:
    """Exchange, attempts, tokens, dollars and times, under the names of the configuration."""
    made = metrics()
    made.exchange(ANSWERED)
    target = {"provider": "anthropic", "model": "claude-*"}
    where = {"route": "main", "endpoint": "chat", **target}
    assert value(made, "extproc_exchanges_total", **where, status_class="2xx") == 1
    assert value(made, "extproc_exchange_seconds_sum", **where) == 0.45
    assert value(made, "extproc_first_token_seconds_sum", **target) == 0.12
    assert value(made, "extproc_tokens_total", **target, kind="input") == 100
    assert value(made, "extproc_tokens_total", **target, kind="cached_input") == 64
    assert value(made, "extproc_tokens_total", **target, kind="reasoning") is None
    assert value(made, "extproc_cost_dollars_total", **target, team="blue") == pytest.approx(0.000105)
    assert value(made, "extproc_attempts_total", **target, result="ok") == 1
    assert value(made, "extproc_attempts_total", provider="lab", model="small", result="failure") == 1
    assert value(made, "extproc_attempts_total", provider="open", model="llama3", result="sink") == 1


def test_a_refusal_is_counted_by_its_reason() -> None:
    """It has no target."""
    made = metrics()
    made.exchange(outcome(target=None, attempts=(), status=404, refusal="model_not_found", usage=None, cost=None))
    assert value(made, "extproc_refusals_total", reason="model_not_found") == 1
    labels = {"route": "main", "endpoint": "chat", "provider": "none", "model": "none", "status_class": "4xx"}
    assert value(made, "extproc_exchanges_total", **labels) == 1


def test_streams_that_failed_are_counted_by_their_code() -> None:
    made = metrics()
    made.exchange(outcome(failed="upstream_garbled"))
    made.exchange(outcome(failed="whatever an older processor said"))
    for code in ("upstream_garbled", "other"):
        labels = {"provider": "anthropic", "model": "claude-*", "code": code}
        assert value(made, "extproc_streams_failed_total", **labels) == 1, made.expose()


def test_losses_are_counted_by_the_member_of_the_request() -> None:
    """Once each, however much of it was lost."""
    made = metrics()
    made.exchange(outcome(losses=("seed", "tools.function.strict", "tools.function.parameters.not")))
    assert value(made, "extproc_losses_total", provider="anthropic", parameter="seed") == 1
    assert value(made, "extproc_losses_total", provider="anthropic", parameter="tools") == 1


def test_estimated_tokens_are_told_apart() -> None:
    """They are in input and output, and once more by themselves."""
    made = metrics()
    made.exchange(outcome(usage=Usage(input=12, output=5, estimated=True)))
    assert value(made, "extproc_tokens_total", provider="anthropic", model="claude-*", kind="estimated") == 17


def test_no_request_can_make_a_series() -> None:
    """A thousand invented names count as one `other`."""
    made = metrics()
    made.exchange(ANSWERED)

    def count() -> int:
        return sum(len(family.samples) for family in made.registry.collect())

    def invent(word: str) -> None:
        made.exchange(
            outcome(
                route=word,
                endpoint=word,
                target=f"{word}/{word}",
                attempts=(Attempt(f"lab/{word}", "ok", 200, ""), Attempt(f"{word}/x", "failure", 0, word)),
                labels={"team": word},
                refusal=word,
                losses=(word, f"{word}.x"),
                caller=word,
                model=word,
            )
        )
        made.stream_opened(word)

    invent("first")
    before = count()
    for index in range(1000):
        invent(f"invented-{index}")
    assert count() == before
    assert value(made, "extproc_refusals_total", reason="other") == 1001


@pytest.mark.parametrize(
    ("target", "label"),
    [
        ("lab/small", ("lab", "small")),
        ("anthropic/claude-3-haiku", ("anthropic", "claude-*")),
        ("anthropic/claude-*", ("anthropic", "claude-*")),
        ("anthropic/gpt", ("anthropic", "other")),
        ("open/llama3", ("open", "llama3")),
        ("open/llama4", ("open", "other")),
        ("nobody/small", ("other", "other")),
        (None, ("none", "none")),
        ("", ("none", "none")),
    ],
)
def test_a_model_counts_under_the_name_that_the_configuration_holds(target: str | None, label: tuple[str, str]) -> None:
    """Listed, by a glob, named by an alias, or else other."""
    assert LabelNames(SNAPSHOT).provider_and_model(target) == label


def test_a_shadow_counts_under_its_own_name_also_where_its_provider_lists_nothing() -> None:
    shadow = ShadowSpec(Target("open", "trial"))
    shadowed = replace(SNAPSHOT, routes=(replace(SNAPSHOT.routes[0], shadow=shadow),))
    assert LabelNames(shadowed).provider_and_model("open/trial") == ("open", "trial")
    assert LabelNames(SNAPSHOT).provider_and_model("open/trial") == ("open", "other")


def test_without_a_configuration_every_name_is_other() -> None:
    """Nothing is known yet."""
    assert LabelNames().provider_and_model("lab/small") == ("other", "other")
    assert LabelNames().route("main") == "other" and LabelNames().team(None) == "none"


@pytest.mark.parametrize(("status", "name"), [(200, "2xx"), (404, "4xx"), (599, "5xx"), (0, "none"), (999, "none")])
def test_a_status_counts_under_its_class(status: int, name: str) -> None:
    """Nothing sent is `none`."""
    assert status_class(status) == name


def test_breakers_are_written_anew_and_share_the_worst_state_of_a_glob() -> None:
    """A target that has nothing to say any more leaves no series behind."""
    made = metrics()
    made.breakers({"lab/small": Observation("probing"), "anthropic/claude-a": Observation("shut")})
    made.breakers({"anthropic/claude-a": Observation("shut"), "anthropic/claude-b": Observation("probing")})
    assert value(made, "extproc_breaker_state", target="anthropic/claude-*") == 2
    assert value(made, "extproc_breaker_state", target="lab/small") is None


def test_the_processor_counts_itself() -> None:
    """Streams, reloads, bugs, records, decisions."""
    made = metrics()
    made.stream_opened("router")
    made.stream_opened("router")
    made.stream_closed("router")
    made.config_reload("rejected")
    made.bug()
    made.record("attempt")
    made.records_lost(3)
    made.decision(0.0003)
    assert value(made, "extproc_streams_open", filter="router") == 1
    assert value(made, "extproc_config_reloads_total", result="rejected") == 1
    assert value(made, "extproc_bugs_total") == 1
    assert value(made, "extproc_log_records_total", kind="attempt") == 1
    assert value(made, "extproc_log_records_lost_total") == 3
    assert value(made, "extproc_decision_seconds_count") == 1
    assert value(made, "extproc_config_info", hash="s1") == 1
    assert value(made, "extproc_config_loaded_timestamp") == 1700.0


def test_a_new_configuration_takes_the_place_of_the_old() -> None:
    """One info series, not one for each reload."""
    made = metrics()
    made.config_in_use(type(SNAPSHOT)("s2", {}, {}, (), {}, {}), 1800.0)
    assert value(made, "extproc_config_info", hash="s1") is None
    assert value(made, "extproc_config_info", hash="s2") == 1


def test_two_processors_in_one_program_do_not_share() -> None:
    """Each has a registry of its own."""
    one, other = metrics(), metrics()
    one.bug()
    assert value(other, "extproc_bugs_total") == 0


def test_the_page_for_prometheus_can_be_read_and_holds_no_created_series() -> None:
    """Exactly the names of the table, in the text form."""
    made = metrics()
    made.exchange(ANSWERED)
    text = made.expose().decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert families == {metric.name.removesuffix("_total") for metric in METRICS}
    assert "_created" not in text


def test_every_metric_is_in_the_table_and_every_name_in_the_code_too() -> None:
    """A metric that is registered or counted elsewhere would be undocumented."""
    registered = {family.name for family in Metrics().registry.collect()}
    assert registered == {metric.name.removesuffix("_total") for metric in METRICS}
    sources = [Path(module.__file__).read_text() for module in (metrics_module, target_gauges)]
    named = set(re.findall(r'"(extproc_[a-z0-9_]+)"', "".join(sources)))
    assert named == {metric.name for metric in METRICS}
    assert all(metric.doc.endswith(".") for metric in METRICS)


def test_the_reference_page_is_fresh_and_complete() -> None:
    """`python -m extproc.observe.reference` would change nothing."""
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page()
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.type} |" in written
    for field in FIELDS:
        assert f"| `{field}` |" in written


def test_the_reference_page_can_be_written_anywhere(tmp_path: Path) -> None:
    """The command takes the place as its argument."""
    main([str(tmp_path / "deep" / "page.md")])
    assert (tmp_path / "deep" / "page.md").read_text(encoding="utf-8") == page()
