"""The board of breakers: one for each target that has something to say.

Law: what an attempt means for a target is classify.py's, when a breaker opens is decision's; here they meet, and
nowhere else is a breaker kept. A target without trouble has no entry. Memory is bounded, the oldest goes out. Whatever
is reserved for a probe is given back: when the attempt has proved something, when its exchange ends, or when neither
was heard of for very long.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol, Self

from extproc.decision.plan import Observation, Observations
from extproc.outcome.classify import AttemptResult
from extproc.snapshot import BreakerSpec, Snapshot, Target

LIMIT: Final = 10_000
LONGEST_PROBE: Final = 900.0  # seconds: an exchange that has not ended by then was lost sight of


class Breaker(Protocol):
    """The breaker of one target: a value, of which each event makes the next."""

    def failure(self, now: float) -> Self: ...

    def success(self, now: float) -> Self: ...

    def rate_limited(self, retry_after: float | None, now: float) -> Self: ...

    def probe_started(self, now: float) -> Self: ...

    def probe_ended(self, now: float) -> Self: ...

    def observation(self, now: float) -> Observation: ...


class Breakers:
    def __init__(self, make: Callable[[BreakerSpec], Breaker], limit: int = LIMIT) -> None:
        self._make = make
        self._limit = limit
        self._specs: dict[str, BreakerSpec] = {}  # by provider
        self._breakers: OrderedDict[Target, Breaker] = OrderedDict()  # the least recently changed first
        self._probes: dict[Target, dict[str, float]] = {}  # exchange ids → since when
        self._targets_of: dict[str, set[Target]] = {}  # exchange id → targets that it probes

    def __len__(self) -> int:
        return len(self._breakers)

    def use(self, snapshot: Snapshot) -> None:
        """The configuration in use from now on: targets of providers that left or were set otherwise begin anew.

        Not done by `observations`: exchanges that began under the last snapshot still ask for theirs.
        """
        specs = {name: provider.breaker for name, provider in snapshot.providers.items()}
        for target in list(self._breakers):
            if specs.get(target.provider) != self._specs.get(target.provider):
                del self._breakers[target]
                self._forget_probes(target)
        self._specs = specs

    def observations(self, now: float, snapshot: Snapshot) -> Observations:
        """This moment's view of the snapshot's targets, of those that are not simply serving."""
        self._give_up_old_probes(now)
        known = (
            (target, breaker) for target, breaker in self._breakers.items() if target.provider in snapshot.providers
        )
        seen = {str(target): breaker.observation(now) for target, breaker in known}
        return Observations({target: said for target, said in seen.items() if said.breaker != "serving"})

    def attempt(self, result: AttemptResult, now: float) -> None:
        """What an attempt has proved. Callers' mistakes and ends from our own side prove nothing."""
        target = result.target
        if result.kind in ("failure", "sink"):
            self._change(target, lambda breaker: breaker.failure(now))
        elif result.kind == "rate_limited":
            self._change(target, lambda breaker: breaker.rate_limited(result.retry_after, now))
        elif result.kind == "ok" and target in self._breakers:
            self._change(target, lambda breaker: breaker.success(now))
        else:
            return
        self._forget_probes(target)

    def reserve(self, target: Target, exchange_id: str, now: float) -> None:
        """The exchange's plan holds a target that is being probed: one probe fewer for the others."""
        breaker = self._breakers.get(target)
        if breaker is None or breaker.observation(now).breaker != "probing":
            return
        if exchange_id not in self._probes.setdefault(target, {}):
            self._change(target, lambda breaker: breaker.probe_started(now))
            self._probes[target][exchange_id] = now
            self._targets_of.setdefault(exchange_id, set()).add(target)

    def release(self, exchange_id: str, now: float) -> None:
        """The exchange has ended: the probes that it did not use up are free again."""
        for target in self._targets_of.pop(exchange_id, ()):
            self._probes[target].pop(exchange_id)
            if not self._probes[target]:
                del self._probes[target]
            self._change(target, lambda breaker: breaker.probe_ended(now))

    def _change(self, target: Target, step: Callable[[Breaker], Breaker]) -> None:
        spec = self._specs.get(target.provider)
        if spec is None:
            return  # its provider has left the configuration
        fresh = self._make(spec)
        breaker = step(self._breakers.get(target, fresh))
        if breaker == fresh:
            self._breakers.pop(target, None)
            return
        self._breakers[target] = breaker
        self._breakers.move_to_end(target)
        if len(self._breakers) > self._limit:
            oldest, _ = self._breakers.popitem(last=False)
            self._forget_probes(oldest)

    def _forget_probes(self, target: Target) -> None:
        """The breaker is in another state now, which counts its probes anew."""
        for exchange_id in self._probes.pop(target, {}):
            targets = self._targets_of[exchange_id]
            targets.discard(target)
            if not targets:
                del self._targets_of[exchange_id]

    def _give_up_old_probes(self, now: float) -> None:
        all_probes = self._probes.values()
        old = {one for probes in all_probes for one, began in probes.items() if now - began > LONGEST_PROBE}
        for exchange_id in old:
            self.release(exchange_id, now)
