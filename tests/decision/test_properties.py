"""What holds for every decision, whatever the configuration, the request and the weather."""

import math
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.decision.contender import Contender
from extproc.decision.decide import decide
from extproc.decision.patterns import any_matches
from extproc.decision.plan import Decision, Measure, Observation, Observations, Plan
from extproc.decision.strategies import COMPOSED, OTHER_NAMES, Circumstances
from extproc.decision.strategies import KINDS as KINDS_OF_STRATEGY
from extproc.decision.strategies.codes import CODES
from extproc.decision.strategies.draws import draw_all
from extproc.facts.request import CallerFacts, Facts
from extproc.money import Price
from extproc.refusal import Refusal
from extproc.snapshot import (
    ChainEntry,
    ClusterSpec,
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
KINDS = tuple(KINDS_OF_STRATEGY)
STRATEGIES = (*KINDS, *(name.replace("_", "-") for name in OTHER_NAMES), "mine", "default", "gone", "")

names = st.sampled_from(NAMES)
asked = st.none() | st.sampled_from(ASKED)
weights = st.none() | st.floats(allow_nan=True) | st.sampled_from((0.0, 0.5, 1.0))
some_providers = st.lists(st.sampled_from((*PROVIDERS, "gone", "*a")), max_size=3, unique=True).map(tuple)
targets = st.builds(Target, st.sampled_from((*PROVIDERS, "gone")), st.sampled_from(("", "m", "n", "gpt-4o", "new")))
tokens = st.integers(0, 2**40)
prices = st.builds(Price, tokens, tokens, st.none() | tokens, above=st.none() | st.just(100), long=st.none())
models = st.builds(
    Model,
    name=names,
    price=st.none() | prices,
    max_output=st.none() | st.integers(0, 50),
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
any_float = st.floats(allow_nan=True) | st.sampled_from((0.0, 0.5, 1.0, 20.0))


def specs_around(among: st.SearchStrategy[StrategySpec | None]) -> st.SearchStrategy[StrategySpec]:
    return st.builds(
        StrategySpec,
        name=st.sampled_from(("mine", "default")),
        kind=st.sampled_from((*KINDS, "telepathic")),
        targets=st.lists(targets, max_size=4).map(tuple),
        weights=st.dictionaries(st.sampled_from((*PROVIDERS, "alpha/m")), st.floats(allow_nan=True), max_size=3),
        among=among,
        within=st.none() | any_float,
        ties=st.none() | st.sampled_from((*KINDS, "telepathic")),
        scores=st.dictionaries(st.sampled_from((*KINDS, "telepathic")), any_float, max_size=4),
        unpriced=st.sampled_from(("deny", "worst", "allow")),
        cluster_cost_threshold=st.none() | tokens,
        max_queue_depth=st.none() | any_float,
        max_latency=st.none() | any_float,
        rules=st.lists(rules, max_size=3).map(tuple),
        regions=st.lists(st.sampled_from(("eu-*", "us-east-1", "ü")), max_size=2).map(tuple),
        rollout=st.none() | rollouts,
    )


specs = specs_around(st.none() | specs_around(st.none() | specs_around(st.none())))
clusters = st.builds(ClusterSpec, tokens, any_float, st.none() | any_float, st.none() | any_float)


@st.composite
def providers(draw: st.DrawFn, name: str) -> Provider:
    return provider(
        name,
        *draw(st.lists(models, max_size=4)),
        lists_models=draw(st.booleans()),
        default_model=draw(st.none() | st.sampled_from(("m", "big"))),
        credential=draw(credentials),
        timeout=draw(st.none() | st.just(7.0)),
        by_the_hour=draw(st.none() | clusters),
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
measures = st.builds(Measure, any_float, st.sampled_from((NOW, NOW - 600, NOW - 601, NOW + 9, math.nan)))
seen = st.builds(
    Observation,
    breaker=st.sampled_from(("serving", "shut", "probing")),
    reopens_at=st.none() | st.floats(allow_nan=True),
    probes_left=st.integers(-1, 2),
    why=st.sampled_from(("", "ü\r\n")),
    health=st.sampled_from(("unknown", "serving", "serving", "shut", "probing")),
    health_why=st.sampled_from(("", "ü\r\n")),
    in_flight=st.integers(-1, 3),
    turn=st.integers(-1, 5),
    errors=st.none() | measures,
    first_token=st.dictionaries(st.integers(-1, 5), measures, max_size=3),
    per_token=st.none() | measures,
    latency_p95=st.none() | measures,
    requests_left=st.none() | measures,
    tokens_left=st.none() | measures,
    queue_depth=st.none() | measures,
    tokens_per_second=st.none() | measures,
    cached_share=st.none() | measures,
    asleep=st.booleans(),
)
somebody = st.builds(lambda p, m: f"{p}/{m}", st.sampled_from(PROVIDERS), st.sampled_from(ASKED))
observed = st.builds(
    Observations,
    st.dictionaries(somebody, seen),
    st.dictionaries(somebody.map(lambda target: f"llm {target}"), measures),
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
        assert said.health in ("unknown", "serving")
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


# --- what holds for every strategy -----------------------------------------------------------------------------------


@st.composite
def contenders(draw: st.DrawFn) -> list[Contender]:
    """In no order: their places are their own."""
    made = []
    for place, name in enumerate(draw(st.lists(st.sampled_from(PROVIDERS), unique=True, max_size=4))):
        entry = draw(st.none() | models)
        made.append(Contender(Target(name, "m"), draw(providers(name)), entry, draw(st.integers(0, 2)), place))
    return draw(st.permutations(made))


rankings = st.tuples(contenders(), specs, facts_of_requests, observed, draws)
Ranking = tuple[list[Contender], StrategySpec, Facts, Observations, float]
NOBODYS = snapshot()


def ranked(case: Ranking) -> list[Any]:
    those, spec, facts, observations, draw = case
    return list(COMPOSED.rank(those, Circumstances(facts, spec, NOBODYS, observations, NOW, draw)))


@settings(max_examples=600)
@given(rankings)
def test_every_contender_comes_back_exactly_once_with_a_reason_and_a_code(case: Ranking) -> None:
    order = ranked(case)
    assert sorted(str(one.contender.target) for one in order) == sorted(str(one.target) for one in case[0])
    for one in order:
        assert one.reason.isascii()
        assert one.reason
        assert one.score is None or math.isfinite(one.score)
        assert one.code in CODES or not one.chosen or "no such kind" in one.reason


@settings(max_examples=300)
@given(rankings, st.randoms(use_true_random=False))
def test_an_order_does_not_depend_on_how_the_contenders_came(case: Ranking, dice: Any) -> None:
    shuffled = list(case[0])
    dice.shuffle(shuffled)
    assert repr(ranked(case)) == repr(ranked((shuffled, *case[1:])))


@settings(max_examples=300)
@given(rankings, seen, measures)
def test_what_is_seen_of_others_changes_nothing(case: Ranking, other: Observation, output: Measure) -> None:
    those, spec, facts, observations, draw = case
    more = replace(
        observations,
        targets={**observations.targets, "bystander/m": other},
        outputs={**observations.outputs, "llm bystander/m": output, "elsewhere alpha/m": output},
    )
    assert repr(ranked(case)) == repr(ranked((those, spec, facts, more, draw)))


@settings(max_examples=300)
@given(rankings)
def test_who_takes_any_name_is_behind_those_who_list_it_unless_shares_are_drawn(case: Ranking) -> None:
    spec = case[1]
    while spec is not None:
        if spec.kind in ("weighted", "canary", "telepathic"):
            return
        spec = spec.among
    tiers = [one.contender.tier == 2 for one in ranked(case) if one.chosen]
    assert tiers == sorted(tiers)


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
