"""The health of one endpoint as active probes see it: a value, of which each probe makes the next. No clock.

  unknown ──a good probe──▶ serving ──failures in a row──▶ shut ──a good one──▶ probing ──enough in a row──▶ serving
     └────────────────failures in a row─────────────────────▲                      │
                                                            └─────a failed one─────┘

Law: nothing but failures in a row shuts, and nothing but good probes in a row opens again. What was never probed is
unknown, and unknown serves. A cluster that is asleep is not probed, because a probe would wake it, and what was known
of it is forgotten: one that stayed shut in its sleep would never be used, and so never wake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from extproc.decision.plan import UNWELL, Health, Observation
from extproc.snapshot import ClusterSpec, HealthSpec

ASLEEP: Final = "asleep: a probe would wake it"
_BEST_FIRST: Final[tuple[Health, ...]] = ("serving", "probing", "unknown", "shut")


@dataclass(frozen=True, slots=True)
class ProbedHealth:
    spec: HealthSpec
    state: Health = "unknown"
    failures: int = 0  # in a row
    successes: int = 0  # in a row, since it was shut
    why: str = ""

    def failed(self, why: str) -> "ProbedHealth":
        if self.state == "probing":
            return replace(self, state="shut", failures=1, successes=0, why=f"shut again, a probe failed: {why}")
        failures = self.failures + 1
        state: Health = "shut" if failures >= self.spec.failure_threshold else self.state
        return replace(self, state=state, failures=failures, successes=0, why=f"{_in_a_row(failures)} failed: {why}")

    def succeeded(self, why: str = "") -> "ProbedHealth":
        """`why`: what there is to say of it although it is good."""
        if self.state not in UNWELL:
            return ProbedHealth(self.spec, "serving", why=why)
        successes, wanted = self.successes + 1, self.spec.success_threshold
        if successes >= wanted:
            return ProbedHealth(self.spec, "serving", why=why)
        said = f"{successes} of the {wanted} good probes in a row that open it again"
        return ProbedHealth(self.spec, "probing", successes=successes, why=f"{said} ({why})" if why else said)

    def not_asked(self, why: str) -> "ProbedHealth":
        """It could not be probed, for a reason that is none of its own: it stays what it is."""
        return replace(self, why=why)

    def asleep(self) -> "ProbedHealth":
        return ProbedHealth(self.spec, why=ASLEEP)


def _in_a_row(failures: int) -> str:
    return "a probe" if failures == 1 else f"{failures} probes in a row"


@dataclass(frozen=True, slots=True)
class Together:
    """What a provider or a target is, by all that is known of it."""

    state: Health
    why: str


def together(endpoints: Mapping[str, ProbedHealth]) -> Together:
    """The provider is as well as the best of its endpoints. Keys are their names for people."""
    if not endpoints:
        return Together("unknown", "")
    state = next(state for state in _BEST_FIRST if any(one.state == state for one in endpoints.values()))
    if len(endpoints) == 1:
        return Together(state, next(iter(endpoints.values())).why)
    worse = [name for name, one in endpoints.items() if one.state == "shut"]
    if state == "shut":
        return Together(state, f"all {len(worse)} endpoints: {_first(worse, endpoints)}")
    if worse:
        return Together(state, f"{len(worse)} of {len(endpoints)} endpoints shut: {_first(worse, endpoints)}")
    return Together(state, next((one.why for one in endpoints.values() if one.state == state), ""))


def _first(shut: Sequence[str], endpoints: Mapping[str, ProbedHealth]) -> str:
    return f"{shut[0]}: {endpoints[shut[0]].why}"


def is_asleep(cluster: ClusterSpec | None, last_used: float | None, now: float) -> bool:
    """Whether it has started nothing, or stopped, for want of requests; as far as ours say.

    `last_used`: when it was last asked for whoever would wake it, when it last answered for whoever must wait for it.
    """
    if cluster is None or cluster.wake_up is None:
        return False
    return last_used is None or now - last_used > cluster.sleeps_after


def joined(seen: Observation) -> Together:
    """What a target is, by its breaker and its provider's probes: the worse of both. Unknown: nobody saw anything."""
    if seen.breaker == "shut":
        return Together("shut", seen.why)
    if seen.health in UNWELL:
        return Together(seen.health, seen.health_why)
    if seen.breaker == "probing":
        return Together("probing", seen.why)
    state: Health = "unknown" if seen.health == "unknown" and not _was_used(seen) else "serving"
    return Together(state, seen.health_why)


def provider_health(probed: Together | None, targets: Sequence[Together]) -> Together:
    """A provider is shut where its probes say so, or where each of its targets is. `probed`: None where nobody does."""
    if probed is not None and probed.state in UNWELL:
        return probed
    if targets and all(one.state in UNWELL for one in targets):
        return next((one for one in targets if one.state == "probing"), targets[0])
    if probed is not None and probed.state == "serving":
        return probed
    if any(one.state == "serving" for one in targets):
        return Together("serving", probed.why if probed is not None else "")
    return probed or Together("unknown", "")


def _was_used(seen: Observation) -> bool:
    return seen.errors is not None or seen.in_flight > 0 or bool(seen.first_token)
