"""The board of breakers: one for each target that has something to say.

Law: what an attempt means for a target is classify.py's, when a breaker opens is decision's; here they meet, and
nowhere else is a breaker kept. A target without trouble has no entry. Memory is bounded, the oldest goes out. Whatever
is reserved for a probe is given back: when the attempt has proved something, when its exchange ends, or by itself when
neither was heard of for the breaker's timeout. Whoever opens one tells the other workers, who open theirs: they saw the
same attempts, but not in the same order.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol, Self

from extproc.decision.plan import Observation, Observations
from extproc.outcome.classify import AttemptResult
from extproc.outcome.known import parse_target
from extproc.snapshot import BreakerSpec, Snapshot, Target

LIMIT: Final = 2_000  # every decision looks at those that are shut


class Breaker(Protocol):
    """What the board needs of decision.breaker: a value of one target, of which each event makes the next."""

    def failure(self, now: float) -> Self: ...

    def success(self, now: float) -> Self: ...

    def rate_limited(self, retry_after: float | None, now: float) -> Self:
        """Frees one probe by itself."""
        ...

    def probe_started(self, now: float, timeout: float | None = None) -> Self:
        """One that is not heard of for that long frees itself."""
        ...

    def probe_ended(self, now: float) -> Self: ...

    def observation(self, now: float) -> Observation: ...

    @property
    def shut_until(self) -> float | None: ...

    def told_shut(self, other: Self, now: float) -> Self:
        """As shut as the other, which is of the same target."""
        ...


class Breakers:
    def __init__(
        self,
        make: Callable[[BreakerSpec], Breaker],
        limit: int = LIMIT,
        opened: Callable[[Target, Any], None] = lambda target, breaker: None,
    ) -> None:
        self._make = make
        self._opened = opened
        self._limit = limit
        self._specs: dict[str, BreakerSpec] = {}  # by provider
        self._breakers: OrderedDict[Target, Breaker] = OrderedDict()  # the least recently changed first
        self._kept_back: set[Target] = set()  # those that were not simply serving when they last changed
        self._probes: dict[Target, dict[str, float]] = {}  # exchange ids → when the probe frees itself
        self._targets_of: dict[str, set[Target]] = {}  # exchange id → targets that it probes

    def __len__(self) -> int:
        return len(self._breakers)

    def __iter__(self) -> Iterator[str]:
        """The targets that are not simply serving."""
        return (str(target) for target in list(self._kept_back))

    def use(self, snapshot: Snapshot) -> None:
        """The configuration in use from now on: targets of providers that left or were set otherwise begin anew.

        Not done by `observations`: exchanges that began under the last snapshot still ask for theirs.
        """
        specs = {name: provider.breaker for name, provider in snapshot.providers.items()}
        for target in list(self._breakers):
            if specs.get(target.provider) != self._specs.get(target.provider):
                self._drop(target)
        self._specs = specs

    def observations(self, now: float, snapshot: Snapshot) -> Observations:
        """This moment's view of the snapshot's targets, of those that are not simply serving."""
        seen = {}
        for target in list(self._kept_back):
            said = self._breakers[target].observation(now)
            if said.breaker == "serving":
                self._kept_back.discard(target)
            elif target.provider in snapshot.providers:
                seen[str(target)] = said
        return Observations(seen)

    def seen(self, name: str, now: float) -> Observation | None:
        """One target, by its name; None while it simply serves."""
        target = parse_target(name) if self._kept_back else None
        if target is None or target not in self._kept_back:
            return None
        said = self._breakers[target].observation(now)
        return said if said.breaker != "serving" else None

    def attempt(self, result: AttemptResult, now: float) -> None:
        """What an attempt has proved. Callers' mistakes and ends from our own side prove nothing."""
        target = result.target
        if result.kind in ("failure", "sink"):
            self._failed(target, now)
        elif result.kind == "rate_limited":
            self._change(target, now, lambda breaker: breaker.rate_limited(result.retry_after, now))
            self._forget_one_probe(target)
        elif result.kind == "ok" and target in self._breakers:
            self._change(target, now, lambda breaker: breaker.success(now))
            self._forget_probes(target)

    def reserve(self, target: Target, exchange_id: str, now: float) -> bool:
        """The exchange's plan holds a target that is being probed: one probe fewer for the others.

        False: it is not, and there was nothing to reserve.
        """
        breaker, spec = self._breakers.get(target), self._specs.get(target.provider)
        if breaker is None or spec is None or breaker.observation(now).breaker != "probing":
            return False
        self._forget_expired_probes(target, now)
        probes = self._probes.setdefault(target, {})
        if exchange_id not in probes:
            probes[exchange_id] = now + spec.timeout
            self._targets_of.setdefault(exchange_id, set()).add(target)
            self._change(target, now, lambda breaker: breaker.probe_started(now, spec.timeout))
        return True

    def release(self, exchange_id: str, now: float) -> None:
        """The exchange has ended: the probes that it did not use up are free again."""
        for target in list(self._targets_of.get(exchange_id, ())):
            expires = self._probes[target][exchange_id]
            self._forget_probe(target, exchange_id)
            if now < expires:  # else it has freed itself, and what would be freed is another's
                self._change(target, now, lambda breaker: breaker.probe_ended(now))

    # --- of several workers ------------------------------------------------------------------------------------------

    def told_shut(self, target: Target, told: Any, now: float) -> None:
        """Another worker saw it open."""
        self._change(target, now, lambda breaker: breaker.told_shut(told, now))
        self._forget_probes(target)

    def held(self) -> dict[Target, Any]:
        """All that is known, for who begins."""
        return dict(self._breakers)

    def inherit(self, held: Mapping[Target, Any]) -> None:
        """Begin with what another knew."""
        for target, breaker in held.items():
            if breaker.spec == self._specs.get(target.provider):
                self._breakers[target] = breaker
                self._kept_back.add(target)  # until somebody looks

    # --- one breaker -------------------------------------------------------------------------------------------------

    def _failed(self, target: Target, now: float) -> None:
        before = self._breakers.get(target)
        self._change(target, now, lambda breaker: breaker.failure(now))
        self._forget_probes(target)
        after = self._breakers.get(target)
        if after is not None and after.shut_until and (before is None or before.shut_until != after.shut_until):
            self._opened(target, after)

    def _change(self, target: Target, now: float, step: Callable[[Breaker], Breaker]) -> None:
        spec = self._specs.get(target.provider)
        if spec is None:
            return  # its provider has left the configuration
        fresh = self._make(spec)
        breaker = step(self._breakers.get(target, fresh))
        if breaker == fresh:
            self._breakers.pop(target, None)
            self._kept_back.discard(target)
            return
        self._breakers[target] = breaker
        self._breakers.move_to_end(target)
        if breaker.observation(now).breaker == "serving":
            self._kept_back.discard(target)
        else:
            self._kept_back.add(target)
        if len(self._breakers) > self._limit:
            self._drop(next(iter(self._breakers)))

    def _drop(self, target: Target) -> None:
        del self._breakers[target]
        self._kept_back.discard(target)
        self._forget_probes(target)

    def _forget_probes(self, target: Target) -> None:
        """The breaker is in another state now, which counts its probes anew."""
        for exchange_id in list(self._probes.get(target, ())):
            self._forget_probe(target, exchange_id)

    def _forget_one_probe(self, target: Target) -> None:
        """Probes have no names: whichever is forgotten, as many are left as are out."""
        for exchange_id in list(self._probes.get(target, ()))[:1]:
            self._forget_probe(target, exchange_id)

    def _forget_expired_probes(self, target: Target, now: float) -> None:
        for exchange_id, expires in list(self._probes.get(target, {}).items()):
            if expires <= now:
                self._forget_probe(target, exchange_id)

    def _forget_probe(self, target: Target, exchange_id: str) -> None:
        del self._probes[target][exchange_id]
        if not self._probes[target]:
            del self._probes[target]
        self._targets_of[exchange_id].discard(target)
        if not self._targets_of[exchange_id]:
            del self._targets_of[exchange_id]
