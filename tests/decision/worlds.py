"""An oracle's world as a configuration, a request and observations, and random ones of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from extproc.decision.decide import decide
from extproc.decision.plan import Decision, Measure, Observation, Observations
from extproc.money import Price
from extproc.snapshot import ClusterSpec, Model, Provider, StrategySpec
from tests.decision.oracle import Pool, Seen, World
from tests.decision.samples import NOW, facts, provider, snapshot

NAMES = ("alpha", "beta", "gamma", "delta")


def spec_of(kind: str, world: World, **keys: Any) -> StrategySpec:
    keys.setdefault("name", "mine")
    return StrategySpec(
        kind=kind,
        unpriced=world.unpriced,  # type: ignore[arg-type]  # one of the three
        cluster_cost_threshold=world.threshold,
        max_queue_depth=world.max_queue,
        max_latency=world.max_latency,
        weights=world.weights,
        **keys,
    )


def asked(world: World, spec: StrategySpec, draw: float = 0.5, **keys: Any) -> Decision:
    config = snapshot(*map(provider_of, world.pools), strategies=[spec], strategy="mine", max_attempts=len(NAMES))
    what = facts("m", input_tokens=world.tokens, max_output_tokens=world.cap, **keys)
    return decide(what, config, observations_of(world), NOW, draw)


def provider_of(pool: Pool) -> Provider:
    price = None
    if pool.price is not None:
        price = Price(pool.price[0], pool.price[1], pool.price[2])
    made = provider(pool.name, Model("m", price=price, context=pool.context, max_output=pool.max_output))
    if pool.per_hour is None:
        return made
    return replace(made, by_the_hour=ClusterSpec(pool.per_hour, pool.overhead, pool.declared_speed, pool.wake_up))


def observations_of(world: World) -> Observations:
    lengths = {f"llm {pool.name}/m": _measure(pool.answers) for pool in world.pools if pool.answers is not None}
    return Observations(
        {f"{pool.name}/m": _observation(pool) for pool in world.pools},
        {key: one for key, one in lengths.items() if one is not None},
    )


def _observation(pool: Pool) -> Observation:
    sizes: Mapping[int, Measure | None] = {size: _measure(one) for size, one in pool.first_token.items()}
    return Observation(
        in_flight=pool.in_flight,
        turn=pool.turn,
        errors=_measure(pool.errors),
        first_token={size: one for size, one in sizes.items() if one is not None},
        per_token=_measure(pool.per_token),
        latency_p95=_measure(pool.p95),
        queue_depth=_measure(pool.queue),
        tokens_per_second=_measure(pool.speed),
        cached_share=_measure(pool.cached),
        tokens_left=_measure(pool.tokens_left),
        asleep=pool.asleep,
    )


def _measure(seen: Seen | None) -> Measure | None:
    return None if seen is None else Measure(seen.value, NOW - seen.age)


# --- random ones -----------------------------------------------------------------------------------------------------


def _seen(values: st.SearchStrategy[float]) -> st.SearchStrategy[Seen | None]:
    return st.none() | st.builds(Seen, values, st.sampled_from((0.0, 5.0, 599.0, 601.0)))


def _between(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_subnormal=False) | st.integers(int(least), int(most)).map(float)


_rates = st.integers(0, 60 * 10**9)
_shares = st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0))
_seconds = _seen(_between(0.0, 12.0))


@st.composite
def pools(draw: st.DrawFn, name: str) -> Pool:
    cluster = draw(st.booleans())
    return Pool(
        name,
        price=None if cluster else draw(st.none() | st.tuples(_rates, _rates, st.none() | _rates)),
        per_hour=draw(st.integers(0, 40 * 10**9)) if cluster else None,
        overhead=draw(st.sampled_from((1.0, 1.1, 2.0))),
        declared_speed=draw(st.none() | _between(1.0, 900.0)),
        wake_up=draw(st.none() | st.sampled_from((1.0, 90.0))),
        context=draw(st.none() | st.integers(50_000, 50_005)),
        max_output=draw(st.none() | st.integers(1, 900)),
        in_flight=draw(st.integers(0, 3)),
        turn=draw(st.integers(0, 9)),
        asleep=cluster and draw(st.booleans()),
        errors=draw(_seen(_shares)),
        first_token={size: one for size in range(4) if (one := draw(_seconds)) is not None},
        per_token=draw(_seen(_between(0.0, 0.5))),
        p95=draw(_seconds),
        queue=draw(_seen(_between(0.0, 15.0))),
        speed=draw(_seen(st.just(0.0) | _between(1.0, 900.0))),
        cached=draw(_seen(_shares)),
        answers=draw(_seen(_between(0.0, 900.0))),
        tokens_left=draw(_seen(_between(0.0, 1e6))),
    )


@st.composite
def worlds(draw: st.DrawFn, weights: bool = True) -> World:
    here = draw(st.permutations(NAMES))[: draw(st.integers(1, len(NAMES)))]
    given = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((0.0, 0.5, 1.0, 3.0)), max_size=3)
    return World(
        tuple(draw(pools(name)) for name in here),
        tokens=draw(st.sampled_from((0, 10, 999, 1_000, 8_000, 32_000))),
        cap=draw(st.none() | st.integers(0, 2_000)),
        unpriced=draw(st.sampled_from(("deny", "worst", "allow"))),
        threshold=draw(st.none() | st.integers(0, 10**8)),
        max_queue=draw(st.none() | _between(0.0, 12.0)),
        max_latency=draw(st.none() | _between(0.0, 12.0)),
        weights=draw(given) if weights else {},
    )
