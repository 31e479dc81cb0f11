"""Small configurations, written so that a test reads like the file an operator would write."""

from collections.abc import Mapping, Sequence
from typing import Any

from extproc.decision.decide import decide
from extproc.decision.plan import Decision, Observation, Observations, Plan
from extproc.facts.request import CallerFacts, Facts
from extproc.refusal import Refusal
from extproc.snapshot import (
    ChainEntry,
    Credential,
    Endpoint,
    FailoverSpec,
    Match,
    Model,
    Provider,
    Route,
    Snapshot,
    StrategySpec,
    Target,
)

NOW = 1000.0


def target(text: str) -> Target:
    provider, _, model = text.partition("/")
    return Target(provider, model)


def provider(name: str, *models: str | Model, **keys: Any) -> Provider:
    """Without models it takes any name."""
    listed = tuple(Model(model) if isinstance(model, str) else model for model in models)
    return Provider(
        name=name,
        dialect="openai",
        cluster=f"p_{name}_0",
        endpoints=(Endpoint("https", f"{name}.test", 443),),
        path_prefix="/v1",
        versioned=True,
        models=listed,
        lists_models=keys.pop("lists_models", bool(listed)),
        **keys,
    )


def caller_key(name: str, *models: str) -> Provider:
    return provider(name, *models, credential=Credential("caller"))


def snapshot(
    *providers: Provider,
    aliases: Mapping[str, Sequence[str]] | None = None,
    strategies: Sequence[StrategySpec] = (),
    chain: Sequence[ChainEntry] = (),
    max_attempts: int = 3,
    first_byte_timeout: float | None = None,
    **route: Any,
) -> Snapshot:
    failover = FailoverSpec(max_attempts, first_byte_timeout, chain=tuple(chain))
    return Snapshot(
        id="s",
        providers={one.name: one for one in providers},
        services={},
        routes=(Route(name="llm", match=Match(), failover=failover, **route),),
        aliases={name: tuple(map(target, targets)) for name, targets in (aliases or {}).items()},
        strategies={one.name: one for one in strategies},
    )


def facts(model: str | None = None, **keys: Any) -> Facts:
    who = {name: keys.pop(name) for name in ("models", "providers", "own_credential") if name in keys}
    keys.setdefault("family", "chat")
    keys.setdefault("endpoint", "audio" if keys["family"] == "audio" else "chat")
    return Facts(route="llm", model=model, caller=CallerFacts(**who), **keys)


def shut(until: float, why: str = "") -> Observation:
    return Observation("shut", until, why=why)


def decided(
    config: Snapshot,
    model: str | None = None,
    *,
    seen: Mapping[str, Observation] | None = None,
    draw: float = 0.5,
    **keys: Any,
) -> Decision:
    return decide(facts(model, **keys), config, Observations(seen or {}), NOW, draw)


def plan_of(decision: Decision) -> list[str]:
    assert isinstance(decision.outcome, Plan), decision.outcome
    return [str(step.target) for step in decision.outcome.steps]


def refusal_of(decision: Decision) -> Refusal:
    assert isinstance(decision.outcome, Refusal), decision.outcome
    return decision.outcome


def reasons(decision: Decision) -> dict[str, str]:
    """Why each candidate that is not in the plan is not."""
    return {str(one.target): one.reason for one in decision.candidates if not one.kept}
