"""What a decision costs by itself, by how much is configured: targets and routes in tens, thousands, ten thousands.

Law: CPU time, the best of several rounds. In one column the request names a model that three providers serve, whatever
else there is; in the other it leaves the choice open, so that every target is a candidate. The first may not grow with
the configuration, the second not faster than it.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.pure import ENOUGH, cost
from extproc.decision.decide import decide
from extproc.decision.plan import Measure, Observation, Observations, Plan
from extproc.decision.strategies import KINDS
from extproc.facts.request import Facts
from extproc.money import Price
from extproc.snapshot import (
    Match,
    Model,
    RolloutSpec,
    Route,
    Rule,
    Snapshot,
    StrategySpec,
    Target,
)
from tests.decision.samples import provider

SIZES: Final = (10, 1_000, 10_000)  # targets, and as many routes
SERVING: Final = 3  # providers of one model
NOW: Final = 1_000.0
NEEDS_MORE: Final = frozenset({"canary", "blend"})  # kinds that mean nothing without settings of their own
CONDITIONS: Final = ("tokens < 100", "'vision' in needs", "tokens > 700 && stream == false")


@dataclass(frozen=True, slots=True)
class Row:
    """In µs of CPU, by the number of targets."""

    named: dict[int, float]
    open: dict[int, float]


def kinds() -> list[str]:
    """Every kind, then strategies that are put together of some."""
    return [*(kind for kind in KINDS if kind not in NEEDS_MORE), *strategies(1)]


def strategies(size: int) -> dict[str, StrategySpec]:
    middle = model_of(size // 2, size)  # what the named column asks for
    arms = [target for target in targets(size) if target.model == middle]
    rules = tuple(Rule(condition, one.provider) for condition in CONDITIONS for one in arms)
    rollout = RolloutSpec(tuple(arms[:1]), tuple(arms[1:]), share=0.6, sticky="none")
    made = (
        StrategySpec("blend of 3", "blend", scores={"cost": 2.0, "latency": 1.0, "quality": 1.0}),
        StrategySpec("cost among latency", "cost", among=StrategySpec("fast", "latency", within=1.3)),
        StrategySpec("cost by 3 rules each", "cost", rules=rules),
        StrategySpec("canary", "canary", rollout=rollout),
    )
    return {one.name: one for one in made}


def run(enough: float = ENOUGH, sizes: tuple[int, ...] = SIZES) -> dict[str, Row]:
    scenes = {size: (snapshot(size), observations(size)) for size in sizes}
    for scene in scenes.values():
        chosen(facts("ordered", None), *scene)  # makes its index
    gc.collect()
    gc.freeze()  # as a processor does with its configuration
    try:
        return _measured(scenes, enough)
    finally:
        gc.unfreeze()


def _measured(scenes: dict[int, tuple[Snapshot, Observations]], enough: float) -> dict[str, Row]:
    rows = {}
    for kind in kinds():
        works = {size: _works(kind, *scene, size) for size, scene in scenes.items()}
        named = {size: cost(works[size][0], enough) for size in scenes}
        # one time of many candidates is long enough by itself
        rows[kind] = Row(named, {size: cost(works[size][1], enough if size < 1_000 else 0.0) for size in scenes})
    return rows


def _works(
    kind: str, config: Snapshot, seen: Observations, size: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    named, open_ = facts(kind, model_of(size // 2, size)), facts(kind, None)
    return lambda: chosen(named, config, seen), lambda: chosen(open_, config, seen)


def chosen(asked: Facts, config: Snapshot, seen: Observations) -> Plan:
    outcome = decide(asked, config, seen, NOW, 0.5).outcome
    assert isinstance(outcome, Plan), outcome
    return outcome


def facts(kind: str, model: str | None) -> Facts:
    return Facts(
        route="route-0",
        endpoint="chat",
        family="chat",
        model=model,
        strategy=kind,
        input_tokens=800,
        max_output_tokens=300,
    )


def model_of(target: int, size: int) -> str:
    """Neighbours share a name, so that each is served by SERVING providers."""
    return f"model-{target % max(size // SERVING, 1)}"


def targets(size: int) -> list[Target]:
    providers = min(size, 100)
    return [Target(f"provider-{number % providers}", model_of(number, size)) for number in range(size)]


def snapshot(size: int) -> Snapshot:
    listed: dict[str, dict[str, Model]] = {}
    for number, target in enumerate(targets(size)):
        price = Price(input=1_000 + number, output=4_000 + number)
        listed.setdefault(target.provider, {})[target.model] = Model(target.model, price=price, context=128_000)
    return Snapshot(
        id=f"of {size}",
        providers={name: provider(name, *models.values()) for name, models in listed.items()},
        services={},
        routes=tuple(Route(f"route-{number}", Match()) for number in range(size)),
        aliases={},
        strategies=strategies(size),
    )


def observations(size: int) -> Observations:
    def seen(number: int) -> Observation:
        return Observation(
            in_flight=number % 3,
            turn=number,
            errors=Measure(0.01, NOW),
            first_token={0: Measure(0.2 + number / 1e4, NOW)},
            per_token=Measure(0.01, NOW),
            tokens_left=Measure(100_000.0 - number, NOW),
        )

    return Observations({str(target): seen(number) for number, target in enumerate(targets(size))})


COLUMNS: Final = (
    "strategy",
    *(f"named, of {size:,}" for size in SIZES),
    "× of the first",
    *(f"open, {size:,} candidates" for size in SIZES),
    "µs a candidate",
)


def cells(rows: dict[str, Row]) -> list[tuple[str, ...]]:
    return [
        (
            kind,
            *(f"{row.named[size]:.0f}" for size in SIZES),
            f"{row.named[SIZES[-1]] / row.named[SIZES[0]]:.1f}",
            *(f"{row.open[size]:.0f}" for size in SIZES),
            f"{row.open[SIZES[-1]] / SIZES[-1]:.1f}",
        )
        for kind, row in rows.items()
    ]


if __name__ == "__main__":
    for line in (COLUMNS, *cells(run())):
        print(*line, sep=" | ")
