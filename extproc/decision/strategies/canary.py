"""`canary`: two arms, stable and canary; each request is in one of them, and the other's targets stand behind it.

Law: the share is the rollout's of this moment, else the one it begins with. Whoever has a key (caller, session or
user) stays where its hash lies while the share stays, and in the canary while the share grows. Who has none is drawn.

A plan has an arm only if it says something of that arm: its own targets stand first, or are missing because their
breakers or probes keep them back. Where this request may not use them at all it takes no part. Who asks for something
else than what the arms serve is ordered as it is written.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Literal

from extproc.decision.contender import Contender
from extproc.decision.lookup import index_of
from extproc.decision.patterns import any_matches
from extproc.decision.strategies.contract import Circumstances, Ranked
from extproc.decision.strategies.ordered import Ordered
from extproc.facts.request import Facts
from extproc.snapshot import RolloutSpec, Target

Arm = Literal["stable", "canary"]
STABLE: Final = "stable"
CANARY: Final = "canary"
FALLBACK: Final = "_fallback"  # behind the arm's name: the code of a target that stands behind the other arm


class Canary:
    def __init__(self) -> None:
        self._unsplit = Ordered()

    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]:
        rollout = circumstances.spec.rollout
        if rollout is None or not any(arm_of(rollout, one.target) for one in candidates):
            return self._unsplit.rank(candidates, circumstances)
        share = share_of(rollout, circumstances)
        key = key_of(rollout, circumstances.facts)
        point = circumstances.draw if key is None else point_of(circumstances.spec.name, key)
        drawn: Arm = CANARY if point < share else STABLE
        how = f"{_percent(share if drawn == CANARY else 1 - share)} by {rollout.sticky if key else 'chance'}"
        return _arranged(candidates, circumstances, rollout, drawn, how)


def share_of(rollout: RolloutSpec, circumstances: Circumstances) -> float:
    share = circumstances.observations.shares.get(circumstances.spec.name, rollout.share)
    return min(max(share, 0.0), 1.0)


def key_of(rollout: RolloutSpec, facts: Facts) -> str | None:
    """What this request sticks by; None: nothing."""
    keys = {"caller": facts.caller.name, "session": facts.session, "user": facts.user, "none": None}
    return keys[rollout.sticky] or None


def point_of(strategy: str, key: str) -> float:
    """A number in [0, 1) that is always the same for this key, and another in another strategy."""
    digest = hashlib.blake2b(f"{strategy}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53


def arm_of(rollout: RolloutSpec, target: Target) -> Arm | None:
    """Whose target it is. A model that is written out goes before `any of that provider`."""
    arms: tuple[tuple[Arm, tuple[Target, ...]], ...] = ((STABLE, rollout.stable), (CANARY, rollout.canary))
    for wanted in (target, Target(target.provider, "")):
        for arm, targets in arms:
            if wanted in targets:
                return arm
    return None


def _arranged(
    candidates: Sequence[Contender], circumstances: Circumstances, rollout: RolloutSpec, drawn: Arm, how: str
) -> list[Ranked]:
    """The arm that was drawn, the other one behind it, and last whoever is in none."""
    name = circumstances.spec.name
    other: Arm = STABLE if drawn == CANARY else CANARY
    order = sorted(candidates, key=lambda one: (one.tier, one.position))
    first, behind, rest = ([one for one in order if arm_of(rollout, one.target) == arm] for arm in (drawn, other, None))
    if first:
        ranked = [Ranked(one, None, f"{name}: {drawn}, {how}", code=drawn, arm=drawn) for one in first]
        ranked += [
            Ranked(one, None, f"{name}: {other}, behind {drawn} ({how})", code=other + FALLBACK) for one in behind
        ]
    else:
        shut = _is_shut(rollout.canary if drawn == CANARY else rollout.stable, circumstances)
        why = "is shut" if shut else "has nobody for this request"
        reason = f"{name}: {other}, because {drawn} ({how}) {why}"
        arm = drawn if shut else None
        ranked = [Ranked(one, None, reason, code=other + FALLBACK, arm=arm) for one in behind]
    return ranked + [Ranked(one, None, f"{name}: in no arm, behind both") for one in rest]


def _is_shut(targets: Sequence[Target], circumstances: Circumstances) -> bool:
    """Whether some target of the arm would be here if it were not kept back."""
    facts = circumstances.facts
    route = index_of(circumstances.snapshot).routes.get(facts.route)
    narrowed = facts.provider or (route.provider if route is not None else None)
    allowed = route.providers if route is not None else ()
    for target in _written_out(targets, circumstances):
        seen = circumstances.observations.of(target)
        kept_back = seen.breaker != "serving" or seen.health in ("shut", "probing")
        on_route = narrowed in (None, target.provider) and (not allowed or target.provider in allowed)
        if kept_back and on_route and _may_use(facts, target):
            return True
    return False


def _may_use(facts: Facts, target: Target) -> bool:
    caller = facts.caller
    if caller.providers and not any_matches(caller.providers, target.provider):
        return False
    return not caller.models or any_matches(caller.models, target.model, str(target))


def _written_out(targets: Sequence[Target], circumstances: Circumstances) -> list[Target]:
    """`Any of that provider` as the models that it may have meant here."""
    found: list[Target] = []
    for target in targets:
        provider = circumstances.snapshot.providers.get(target.provider)
        models = [target.model] if target.model else [circumstances.facts.model, provider and provider.default_model]
        found += [Target(target.provider, model) for model in models if model]
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
