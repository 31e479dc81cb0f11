"""What holds for every decision, whatever the configuration, the request and the weather."""

import math
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.decision.decide import decide
from extproc.decision.patterns import any_matches
from extproc.decision.plan import Decision, Observation, Observations, Plan
from extproc.decision.strategies import KINDS
from extproc.decision.strategies.draws import draw_all
from extproc.facts.request import CallerFacts, Facts
from extproc.refusal import Refusal
from extproc.snapshot import (
    ChainEntry,
    Credential,
    FailoverSpec,
    Model,
    Provider,
    RolloutSpec,
    Rule,
    Snapshot,
    StrategySpec,
    Target,
)
from tests.decision.samples import NOW, provider, snapshot

PROVIDERS = ("alpha", "beta", "gamma", "delta")
NAMES = ("m", "n", "gpt-4o", "gpt-*", "*", "alpha/m", "meta/llama")
ASKED = (*NAMES, "auto", "", "smart", "beta/n", "gone/m", "/", "alpha/", "ü\n", "x" * 300)
FAMILIES = ("chat", "embeddings", "nothing")
STRATEGIES = (*KINDS, "mine", "default", "gone", "")

names = st.sampled_from(NAMES)
asked = st.none() | st.sampled_from(ASKED)
weights = st.none() | st.floats(allow_nan=True) | st.sampled_from((0.0, 0.5, 1.0))
some_providers = st.lists(st.sampled_from((*PROVIDERS, "gone", "*a")), max_size=3, unique=True).map(tuple)
targets = st.builds(Target, st.sampled_from((*PROVIDERS, "gone")), st.sampled_from(("", "m", "n", "gpt-4o", "new")))
models = st.builds(
    Model,
    name=names,
    context=st.none() | st.integers(1, 200),
    capabilities=st.frozensets(st.sampled_from(("tools", "no_tools", "code", "large-context"))),
    quality=st.none() | st.floats(allow_nan=True),
    endpoints=st.sets(st.sampled_from(FAMILIES), min_size=1).map(frozenset),
)
credentials = st.sampled_from((Credential(), Credential("caller")))
chains = st.lists(
    st.builds(ChainEntry, st.sampled_from((*PROVIDERS, "gone")), st.none() | names, weights), max_size=4
).map(tuple)
rules = st.builds(
    Rule,
    st.sampled_from(("tokens < 100", "stream", "max_output_tokens > 5 || team == 'a'", "'tools' in needs", "tokens <")),
    st.sampled_from((*PROVIDERS, "gone")),
)
rollouts = st.builds(
    RolloutSpec,
    stable=st.lists(targets, max_size=3).map(tuple),
    canary=st.lists(targets, max_size=3).map(tuple),
    share=st.floats(allow_nan=True),
    sticky=st.sampled_from(("caller", "session", "user", "none")),
)
specs = st.builds(
    StrategySpec,
    name=st.sampled_from(("mine", "default")),
    kind=st.sampled_from((*KINDS, "telepathic")),
    targets=st.lists(targets, max_size=4).map(tuple),
    weights=st.dictionaries(st.sampled_from((*PROVIDERS, "alpha/m")), st.floats(allow_nan=True), max_size=3),
    rules=st.lists(rules, max_size=3).map(tuple),
    regions=st.lists(st.sampled_from(("eu-*", "us-east-1", "ü")), max_size=2).map(tuple),
    rollout=st.none() | rollouts,
)


@st.composite
def providers(draw: st.DrawFn, name: str) -> Provider:
    return provider(
        name,
        *draw(st.lists(models, max_size=4)),
        lists_models=draw(st.booleans()),
        default_model=draw(st.none() | st.sampled_from(("m", "big"))),
        credential=draw(credentials),
        timeout=draw(st.none() | st.just(7.0)),
        region=draw(st.sampled_from((None, "eu-west-1", "us-east-1", "ü"))),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    here = draw(st.permutations(PROVIDERS))[: draw(st.integers(0, 4))]
    made = snapshot(
        *(draw(providers(name)) for name in here),
        strategies=draw(st.lists(specs, max_size=2)),
        strategy=draw(st.none() | st.sampled_from(STRATEGIES)),
        provider=draw(st.none() | st.sampled_from((*PROVIDERS, ""))),
        model=draw(st.none() | st.sampled_from(ASKED)),
        providers=draw(some_providers),
    )
    failover = FailoverSpec(draw(st.integers(0, 5)), chain=draw(chains))
    aliases = draw(st.dictionaries(st.sampled_from(("smart", "m")), st.lists(targets, max_size=4).map(tuple)))
    return replace(made, aliases=aliases, routes=(replace(made.routes[0], failover=failover),))


facts_of_requests = st.builds(
    Facts,
    route=st.sampled_from(("llm", "llm", "llm", "gone")),
    endpoint=st.just("chat"),
    family=st.sampled_from(("chat", "chat", "embeddings")),
    model=asked,
    provider=st.none() | st.sampled_from((*PROVIDERS, "gone", "")),
    strategy=st.none() | st.sampled_from(STRATEGIES),
    fallback_enabled=st.booleans(),
    stream=st.booleans(),
    input_tokens=st.integers(0, 300),
    max_output_tokens=st.none() | st.integers(0, 100),
    needs=st.frozensets(st.sampled_from(("tools", "vision"))),
    tags=st.frozensets(st.sampled_from(("reasoning", "ü"))),
    labels=st.dictionaries(st.sampled_from(("team", "region")), st.sampled_from(("a", "eu-west-1", "ü"))),
    requirements=st.dictionaries(st.sampled_from(("min_context", "vision")), st.floats(0, 250) | st.booleans()),
    session=st.none() | st.sampled_from(("s1", "s2")),
    prefix=st.none() | st.sampled_from(("p1", "p2")),
    caller=st.builds(
        CallerFacts,
        models=st.lists(names, max_size=2).map(tuple),
        providers=some_providers,
        own_credential=st.booleans(),
    ),
)
seen = st.builds(
    Observation,
    breaker=st.sampled_from(("serving", "shut", "probing")),
    reopens_at=st.none() | st.floats(allow_nan=True),
    probes_left=st.integers(-1, 2),
    why=st.sampled_from(("", "ü\r\n")),
)
observed = st.builds(
    Observations,
    st.dictionaries(st.builds(lambda p, m: f"{p}/{m}", st.sampled_from(PROVIDERS), st.sampled_from(ASKED)), seen),
)
draws = st.floats(0, 1, exclude_max=True)
cases = st.tuples(facts_of_requests, snapshots(), observed, st.just(NOW), draws)
Case = tuple[Facts, Snapshot, Observations, float, float]


def steps(decision: Decision) -> list[Target]:
    return [step.target for step in decision.outcome.steps] if isinstance(decision.outcome, Plan) else []


@settings(max_examples=400)
@given(cases)
def test_a_plan_is_never_too_long_never_empty_and_never_the_same_twice(case: Case) -> None:
    config = case[1]
    decision = decide(*case)
    if isinstance(decision.outcome, Plan):
        assert 1 <= len(steps(decision)) <= max(config.routes[0].failover.max_attempts, 1)
        assert len(set(steps(decision))) == len(steps(decision))
        assert decision.outcome.first_byte_timeout > 0
        assert decision.outcome.reason.isascii()


@settings(max_examples=400)
@given(cases)
def test_kept_candidates_are_the_plan_and_each_is_told_once_with_a_reason(case: Case) -> None:
    decision = decide(*case)
    assert [one.target for one in decision.candidates if one.kept] == steps(decision)
    assert len({one.target for one in decision.candidates}) == len(decision.candidates)
    assert all(one.reason for one in decision.candidates)


@settings(max_examples=600)
@given(cases)
def test_a_plan_never_holds_a_target_that_may_not_or_cannot(case: Case) -> None:
    """Written anew here, on purpose, from what the configuration says."""
    facts, config, observations, _, _ = case
    route, caller = config.routes[0], facts.caller
    for target in steps(decide(*case)):
        made = config.providers[target.provider]
        assert not route.providers or target.provider in route.providers
        if caller.providers:
            ends_in_a = target.provider.endswith("a") and "*a" in caller.providers
            assert target.provider in caller.providers or ends_in_a
        if caller.models and facts.model not in caller.models:  # else an alias may be spelled out
            assert any(any_matches((glob,), target.model, str(target)) for glob in caller.models)
        if facts.provider and not facts.fallback_enabled:
            assert target.provider == facts.provider
        assert made.credential.kind != "caller" or caller.own_credential
        said = observations.of(target)
        assert said.breaker == "serving" or (said.breaker == "probing" and said.probes_left > 0)
        entries = [model for model in made.models if model.name == target.model]
        if entries:
            assert facts.family in entries[0].endpoints
            context = entries[0].context
            assert context is None or facts.input_tokens + (facts.max_output_tokens or 0) <= context
            asked = facts.requirements.get("min_context", 0.0)
            assert context is None or isinstance(asked, bool) or context >= asked


@settings(max_examples=300)
@given(cases)
def test_a_refusal_is_public_text(case: Case) -> None:
    outcome = decide(*case).outcome
    if isinstance(outcome, Refusal):
        assert outcome.message.isascii()
        assert outcome.message.isprintable()
        assert outcome.retry_after is None or outcome.retry_after >= 1


@given(cases)
def test_the_same_arguments_give_the_same_decision(case: Case) -> None:
    facts, config, observations, now, draw = case
    again = replace(config, providers=dict(config.providers))
    assert repr(decide(*case)) == repr(decide(facts, again, observations, now, draw))


@given(cases, st.integers(0, 4))
def test_a_provider_that_does_not_serve_the_model_changes_nothing(case: Case, place: int) -> None:
    facts, config, observations, now, draw = case
    items: list[tuple[str, Any]] = list(config.providers.items())
    items.insert(place, ("bystander", provider("bystander", Model("unrelated", endpoints=frozenset({"other"})))))
    larger = replace(config, providers=dict(items))
    before, after = decide(*case), decide(facts, larger, observations, now, draw)
    assert before.outcome == after.outcome or (
        isinstance(before.outcome, Refusal)
        and isinstance(after.outcome, Refusal)
        and before.outcome.reason is after.outcome.reason  # the nearest names may be others
    )


@given(st.lists(weights, max_size=30), st.floats(allow_nan=True))
def test_a_weighted_draw_gives_each_index_once_and_none_of_weight_0(given_: list[float | None], draw: float) -> None:
    expected = [n for n, one in enumerate(given_) if one is None or (one > 0 and math.isfinite(one))]
    drawn = draw_all(given_, draw)
    # Weights more than 300 orders of magnitude below the largest are nothing beside it.
    tiny = {n for n, one in enumerate(given_) if one is not None and 0 < one < 1e-10}
    assert sorted(set(expected) - tiny) == sorted({one.index for one in drawn} - tiny)
    assert len({one.index for one in drawn}) == len(drawn)


@given(
    st.lists(st.sampled_from((0.0, 0.5, 1.0, 2.0, 7.0)), min_size=1, max_size=6).filter(any),
)
def test_first_draws_over_an_even_grid_match_the_weights_within_2_percent(given_: list[float]) -> None:
    grid = 1000
    firsts = [draw_all(given_, (n + 0.5) / grid)[0].index for n in range(grid)]
    for index, weight in enumerate(given_):
        assert abs(firsts.count(index) / grid - weight / sum(given_)) <= 0.02
