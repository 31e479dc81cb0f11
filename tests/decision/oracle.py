"""Who should stand first, worked out a second time from the documents alone: nothing of `decide`'s own rooms is used.

Law: a `World` is a few providers that all serve the model `m`, with what they cost and what was seen of them. Each
function gives every provider its standing: `(group, number)`, less is better, or None where it is never to be chosen.
Numbers are exact fractions, so that only whoever asks says what counts as equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

Standing = tuple[int, Fraction] | None
STALE = 600  # seconds
BILLION = 10**9
UNKNOWN_FIRST, KNOWN, UNKNOWN_LAST = 0, 1, 2  # inside a group
LAST_RESORT = 90


@dataclass(frozen=True)
class Seen:
    """A measure and its age."""

    value: float
    age: float = 0.0


@dataclass(frozen=True)
class Pool:
    """One provider; a cluster where it has a price by the hour."""

    name: str
    price: tuple[int, int, int | None] | None = None  # nano-dollars a million tokens: in, out, cached
    per_hour: int | None = None  # nano-dollars
    overhead: float = 1.1
    declared_speed: float | None = None
    wake_up: float | None = None
    context: int | None = None
    max_output: int | None = None
    in_flight: int = 0
    turn: int = 0
    asleep: bool = False
    errors: Seen | None = None
    first_token: Mapping[int, Seen] = field(default_factory=dict)
    per_token: Seen | None = None
    p95: Seen | None = None
    queue: Seen | None = None
    speed: Seen | None = None
    cached: Seen | None = None
    answers: Seen | None = None  # mean of their tokens
    tokens_left: Seen | None = None


@dataclass(frozen=True)
class World:
    pools: tuple[Pool, ...]
    tokens: int
    cap: int | None
    unpriced: str = "worst"
    threshold: int | None = None
    max_queue: float | None = None
    max_latency: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)


def lately(seen: Seen | None) -> Fraction | None:
    return Fraction(seen.value) if seen is not None and seen.age <= STALE else None


def output(world: World, pool: Pool) -> int:
    """The learned mean of this route and model, else the caller's cap, else 500; never above a limit."""
    learned = lately(pool.answers)
    expected = round(learned) if learned is not None else 500 if world.cap is None else world.cap
    return min(one for one in (expected, world.cap, pool.max_output) if one is not None)


def speed(pool: Pool) -> Fraction:
    measured = lately(pool.speed)
    if measured:
        return measured
    return Fraction(pool.declared_speed) if pool.declared_speed else Fraction(10)


def per_1k(pool: Pool) -> Fraction:
    """`$/1K = costPerHour / (tokens_per_second * 3600) * overheadFactor * 1000`."""
    assert pool.per_hour is not None
    return Fraction(pool.per_hour) / (speed(pool) * 3600) * Fraction(pool.overhead) * 1000


def dollars(world: World, pool: Pool) -> Fraction | None:
    """In nano-dollars, of this one request."""
    written = output(world, pool)
    if pool.per_hour is not None:
        waking = Fraction(pool.per_hour, 3600) * Fraction(pool.wake_up or 0) if pool.asleep else 0
        return per_1k(pool) * (world.tokens + written) / 1000 + waking
    if pool.price is None:
        return None
    read, write, kept = pool.price
    cached = round(min(lately(pool.cached) or Fraction(0), Fraction(1)) * world.tokens)
    of_cached = cached * (read if kept is None else kept)
    return Fraction((world.tokens - cached) * read + of_cached + written * write, 10**6)


def gated(world: World, pool: Pool) -> bool:
    if pool.per_hour is None:
        return False
    queue, slowest = lately(pool.queue), lately(pool.p95)
    most = 10.0 if world.max_queue is None else world.max_queue
    longest = 5.0 if world.max_latency is None else world.max_latency
    return (queue is not None and queue > most) or (slowest is not None and slowest > longest)


def _by_cost(group: Callable[[World, Pool], int]) -> Callable[[World, Pool], Standing]:
    def standing(world: World, pool: Pool) -> Standing:
        weight = world.weights.get(pool.name)
        amount = dollars(world, pool)
        if weight == 0 or (amount is None and world.unpriced == "deny"):
            return None
        band = LAST_RESORT if gated(world, pool) else 10 * group(world, pool)
        if amount is None:
            return (band + KNOWN, Fraction(0)) if world.unpriced == "allow" else (band + UNKNOWN_LAST, Fraction(0))
        return band + KNOWN, amount * Fraction(1 if weight is None else weight)

    return standing


def _cheap_cluster(world: World, pool: Pool) -> int:
    threshold = BILLION // 100 if world.threshold is None else world.threshold
    return 0 if pool.per_hour is not None and round(per_1k(pool)) <= threshold else 1


def latency(world: World, pool: Pool) -> Standing:
    """Seconds to the first token at prompts of its size, for the answer and to wake up, for each success."""
    weight = world.weights.get(pool.name)
    if weight == 0:
        return None
    band = LAST_RESORT if gated(world, pool) else 0
    errors = min(lately(pool.errors) or Fraction(0), Fraction(1))
    own = sum(world.tokens >= end for end in (1_000, 8_000, 32_000))
    known = {size: value for size, one in pool.first_token.items() if (value := lately(one)) is not None}
    if not known and lately(pool.per_token) is not None:
        known = {own: Fraction(0)}  # whole answers show no first token; the wait is in the time for each token
    if not known:
        waits = pool.in_flight > 0 or pool.asleep or errors >= Fraction(1, 2)
        return band + (UNKNOWN_LAST if waits else UNKNOWN_FIRST), Fraction(pool.in_flight if waits else 0)
    nearest = min(known, key=lambda size: (abs(size - own), size))
    total = known[nearest] + (lately(pool.per_token) or 0) * output(world, pool)
    if pool.asleep and pool.per_hour is not None:
        total += Fraction(pool.wake_up or 0)
    tries = 1 / max(1 - errors, Fraction(1, 100))
    return band + KNOWN, total * tries * Fraction(1 if weight is None else weight)


def least_connections(world: World, pool: Pool) -> Standing:
    weight = world.weights.get(pool.name)
    return None if weight == 0 else (KNOWN, Fraction(pool.in_flight) / Fraction(1 if weight is None else weight))


def round_robin(world: World, pool: Pool) -> Standing:
    return None if world.weights.get(pool.name) == 0 else (KNOWN, Fraction(pool.turn))


def long_context(world: World, pool: Pool) -> Standing:
    return (UNKNOWN_LAST, Fraction(0)) if pool.context is None else (KNOWN, Fraction(-pool.context))


def token_balance(world: World, pool: Pool) -> Standing:
    weight, left = world.weights.get(pool.name), lately(pool.tokens_left)
    if weight == 0:
        return None
    if left == 0:
        return LAST_RESORT, Fraction(0)
    if left is None:
        return (UNKNOWN_LAST if pool.in_flight else UNKNOWN_FIRST), Fraction(pool.in_flight)
    return KNOWN, Fraction(1 if weight is None else weight) / left


STANDINGS: Mapping[str, Callable[[World, Pool], Standing]] = {
    "cost": _by_cost(lambda world, pool: 0),
    "hybrid": _by_cost(_cheap_cluster),
    "cluster_first": _by_cost(lambda world, pool: pool.per_hour is None),
    "external_first": _by_cost(lambda world, pool: pool.per_hour is not None),
    "latency": latency,
    "least_connections": least_connections,
    "round_robin": round_robin,
    "long_context": long_context,
    "token_balance": token_balance,
}


def standings(kind: str, world: World) -> dict[str, Standing]:
    return {pool.name: STANDINGS[kind](world, pool) for pool in world.pools}


def good(kind: str, world: World, within: float | None) -> set[str]:
    """Whom `among: {kind, within}` leaves to the other strategy: at most so many times the best, in the best's group;
    whom it would try because nobody knows counts as good; else only what equals the best."""
    found = {name: one for name, one in standings(kind, world).items() if one is not None}
    if not found:
        return set()
    group = min(one[0] // 10 for one in found.values())
    here = {name: one for name, one in found.items() if one[0] // 10 == group}
    if all(one[0] % 10 == UNKNOWN_LAST for one in here.values()):
        return set(here)
    best = min((value for place, value in here.values() if place % 10 == KNOWN), default=Fraction(0))
    most = best * Fraction(max(within or 1.0, 1.0))
    return {
        name
        for name, (place, value) in here.items()
        if place % 10 == UNKNOWN_FIRST or (place % 10 == KNOWN and value <= most)
    }
