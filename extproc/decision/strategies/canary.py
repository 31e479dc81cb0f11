"""`canary`: two arms, stable and canary; each request is in one of them, and the other's targets stand behind it.

Law: the share is the rollout's of this moment, else the one it begins with. Whoever has a key (caller, session or
user) stays where its hash lies while the share stays, and in the canary while the share grows. Who has none is drawn.

A plan has an arm only if it says something of that arm: its own targets stand first, or are missing because their
breakers or probes keep them back. Where this request may not use them at all it takes no part. Who asks for something
else than what the arms serve is ordered as it is written.
"""

from collections.abc import Sequence
from typing import Final, Literal

from extproc.decision.contender import Contender, as_written
from extproc.decision.lookup import index_of
from extproc.decision.permission import may_use_model, may_use_provider, on_route
from extproc.decision.plan import UNWELL
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Ranked
from extproc.decision.strategies.ordered import Ordered
from extproc.decision.strategies.words import percent
from extproc.dialects.digests import drawn_by
from extproc.facts.request import Facts
from extproc.snapshot import RolloutSpec, Target

Arm = Literal["stable", "canary"]
STABLE: Final = "stable"
CANARY: Final = "canary"
# Of a target that stands behind the other arm.
FALLBACK: Final[dict[Arm, str]] = {STABLE: codes.STABLE_FALLBACK, CANARY: codes.CANARY_FALLBACK}


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
        how = f"{percent(share if drawn == CANARY else 1 - share)} by {rollout.sticky if key else 'chance'}"
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
    return (drawn_by(f"{strategy}\0{key}") >> 11) * 2.0**-53


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
    order = as_written(candidates)
    first, behind, rest = ([one for one in order if arm_of(rollout, one.target) == arm] for arm in (drawn, other, None))
    if first:
        ranked = [Ranked(one, None, f"{name}: {drawn}, {how}", code=drawn, arm=drawn) for one in first]
        ranked += [
            Ranked(one, None, f"{name}: {other}, behind {drawn} ({how})", code=FALLBACK[other]) for one in behind
        ]
    else:
        shut = _is_shut(rollout.canary if drawn == CANARY else rollout.stable, circumstances)
        why = "is shut" if shut else "has nobody for this request"
        reason = f"{name}: {other}, because {drawn} ({how}) {why}"
        arm = drawn if shut else None
        ranked = [Ranked(one, None, reason, code=FALLBACK[other], arm=arm) for one in behind]
    return ranked + [Ranked(one, None, f"{name}: in no arm, behind both", code=codes.NO_ARM) for one in rest]


def _is_shut(targets: Sequence[Target], circumstances: Circumstances) -> bool:
    """Whether some target of the arm would be here if it were not kept back."""
    facts = circumstances.facts
    route = index_of(circumstances.snapshot).routes.get(facts.route)
    narrowed = facts.provider or (route.provider if route is not None else None)
    for target in _written_out(targets, circumstances):
        seen = circumstances.observations.of(target)
        kept_back = seen.breaker != "serving" or seen.health in UNWELL
        here = narrowed in (None, target.provider) and (route is None or on_route(route, target.provider))
        allowed = may_use_provider(facts.caller, target.provider) and may_use_model(facts.caller, target)
        if kept_back and here and allowed:
            return True
    return False


def _written_out(targets: Sequence[Target], circumstances: Circumstances) -> list[Target]:
    """`Any of that provider` as the models that it may have meant here."""
    found: list[Target] = []
    for target in targets:
        provider = circumstances.snapshot.providers.get(target.provider)
        models = [target.model] if target.model else [circumstances.facts.model, provider and provider.default_model]
        found += [Target(target.provider, model) for model in models if model]
    return found
