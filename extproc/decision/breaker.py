"""The breaker of one target: a value, of which each event makes the next. No clock: `now` comes in.

  serving ──failures in a row──▶ shut ──time──▶ probing ──one good probe──▶ serving
                                  ▲                │
                                  └──a failed one──┘

Law: only the target's own failures count, and only in a row. A 429 takes the target out for what its Retry-After says
and is no failure; one without Retry-After changes nothing. While probing, at most `half_open_requests` are out at the
same time; a probe that is never heard of again stops counting after its timeout. What is reported of requests that
began before the target was shut neither opens it nor keeps it shut for longer.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from extproc.decision.plan import BreakerState, Observation
from extproc.snapshot import BreakerSpec

LONGEST_RETRY_AFTER: Final = 3600.0  # whoever asks for more is asked again after an hour


@dataclass(frozen=True, slots=True)
class Breaker:
    spec: BreakerSpec
    failures: int = 0  # in a row
    shut_until: float | None = None  # behind it the target is probing; None: it serves
    limited_until: float | None = None  # what a Retry-After said
    probes: tuple[float, ...] = ()  # when each probe that is out stops counting, the soonest first

    def state(self, now: float) -> BreakerState:
        """Of the failures alone; a 429 does not change it."""
        if self.shut_until is None:
            return "serving"
        return "shut" if now < self.shut_until else "probing"

    def failure(self, now: float) -> "Breaker":
        state = self.state(now)
        if state == "shut":
            return self
        failures = self.failures + 1
        if state == "serving" and failures < self.spec.failure_threshold:
            return replace(self, failures=failures)
        return replace(self, failures=failures, shut_until=now + self.spec.timeout, probes=())

    def told_shut(self, other: "Breaker", now: float) -> "Breaker":
        """Another worker saw it open, by failures that came here in another order. The longer one holds."""
        until = other.shut_until
        if until is None or until <= now or (self.shut_until is not None and self.shut_until >= until):
            return self
        return replace(self, failures=max(other.failures, self.failures), shut_until=until, probes=())

    def success(self, now: float) -> "Breaker":
        if self.state(now) == "shut":
            return self
        return Breaker(self.spec, limited_until=self._limit(now))

    def rate_limited(self, retry_after: float | None, now: float) -> "Breaker":
        answered = self.probe_ended(now)
        if retry_after is None or not retry_after > 0:  # not a number is not more than nothing either
            return answered
        until = now + min(retry_after, LONGEST_RETRY_AFTER)
        return replace(answered, limited_until=max(until, self.limited_until or until))

    def probe_started(self, now: float, timeout: float | None = None) -> "Breaker":
        if self.state(now) != "probing":
            return self
        expires = now + (self.spec.timeout if timeout is None else timeout)
        return replace(self, probes=tuple(sorted((*self._out(now), expires))))

    def probe_ended(self, now: float) -> "Breaker":
        """A probe that proved nothing, either way: its place is free again."""
        return replace(self, probes=self._out(now)[1:]) if self.probes else self

    def observation(self, now: float) -> Observation:
        state = self.state(now)
        limited = self._limit(now)
        if limited is not None or state == "shut":
            reopens = max(limited or -math.inf, self.shut_until or -math.inf) if state == "shut" else limited
            return Observation("shut", reopens, why=self._why(state))
        if state == "serving":
            return Observation()
        out = self._out(now)
        left = max(self.spec.half_open_requests - len(out), 0)
        return Observation("probing", out[0] if out and not left else None, left, self._why("shut"))

    def _why(self, state: BreakerState) -> str:
        return f"{self.failures} failures in a row" if state == "shut" else "rate limited"

    def _limit(self, now: float) -> float | None:
        return self.limited_until if self.limited_until is not None and now < self.limited_until else None

    def _out(self, now: float) -> tuple[float, ...]:
        return tuple(expires for expires in self.probes if now < expires)
