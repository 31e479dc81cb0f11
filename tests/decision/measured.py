"""Targets with prices and measures, for tests of the strategies that look at them."""

from dataclasses import replace
from typing import Any

from extproc.decision.decide import decide
from extproc.decision.plan import Decision, Measure, Observation, Observations, Plan
from extproc.money import Price, nanos
from extproc.snapshot import ClusterSpec, Model, Provider, StrategySpec
from tests.decision.samples import NOW, facts, provider, snapshot


def seen(value: float, ago: float = 0.0) -> Measure:
    return Measure(value, NOW - ago)


def dollars_a_million(input: float, output: float, **keys: Any) -> Price:
    return Price(nanos(input), nanos(output), **keys)


def api(name: str, input: float | None, output: float = 0.0, model: str = "m", **keys: Any) -> Provider:
    """Somebody's API that asks so many dollars for a million tokens; None: nobody knows what it asks."""
    price = None if input is None else dollars_a_million(input, output)
    return provider(name, Model(model, price=price, **keys))


def cluster(name: str, dollars_an_hour: float, model: str = "m", **keys: Any) -> Provider:
    return replace(provider(name, model), by_the_hour=ClusterSpec(nanos(dollars_an_hour), **keys))


def ranked(
    strategy: str | StrategySpec,
    *providers: Provider,
    seen: dict[str, Observation] | None = None,
    outputs: dict[str, Measure] | None = None,
    model: str | None = "m",
    draw: float = 0.5,
    **asked: Any,
) -> Decision:
    """The decision of a route with this strategy. Observations are by the provider's name, of its model `m`; `*` is
    the model wherever it is served, and the empty name all of the route.
    """
    named = isinstance(strategy, str)
    config = snapshot(
        *providers,
        strategies=() if named else (strategy,),
        strategy=strategy if named else strategy.name,
        max_attempts=len(providers) * 2,
    )
    by_target = {name if "/" in name else f"{name}/m": one for name, one in (seen or {}).items()}
    observed = Observations(
        by_target, {f"llm {name}/m" if name else "llm": one for name, one in (outputs or {}).items()}
    )
    return decide(facts(model, **asked), config, observed, NOW, draw)


def names(decision: Decision) -> list[str]:
    assert isinstance(decision.outcome, Plan), decision.outcome
    return [step.target.provider for step in decision.outcome.steps]


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision.outcome, Plan), decision.outcome
    return [step.code for step in decision.outcome.steps]


def why(decision: Decision, name: str) -> str:
    return next(one.reason for one in decision.candidates if one.target.provider == name)


def score(decision: Decision, name: str) -> float | None:
    return next(one.score for one in decision.candidates if one.target.provider == name)
