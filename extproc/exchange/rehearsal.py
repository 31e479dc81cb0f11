"""A plan's requests, made before any is sent: of contents, and on routes that reject what would be lost.

Law: a target that cannot take the contents leaves the plan, and where loss is rejected one that would lose something
too; the refusal of the first is told where none stays. What a request asks for by its mere fields was sifted before;
here it is seen in their values. An attempt sees it as well, but too late: its refusal is final.
"""

from dataclasses import replace

from extproc.decision.plan import Plan, Step
from extproc.dialects.openai.features import CONTENTS
from extproc.exchange.attempt import destination, without_loss
from extproc.facts.request import Facts
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Route, Snapshot
from extproc.translation.pair import Call
from extproc.translation.registry import pair_for


def needs_rehearsal(plan: Plan, facts: Facts, route: Route) -> bool:
    """Where there is nobody to go on to, the attempt's own refusal says it."""
    return route.on_loss == "reject" or (len(plan.steps) > 1 and bool(facts.features & CONTENTS))


def rehearsed(plan: Plan, call: Call, snapshot: Snapshot, route: Route) -> Plan | Refusal:
    """`call` is a chat, never a bare prompt; its inline files are not needed here."""
    kept: list[Step] = []
    first: Refusal | None = None
    for step in plan.steps:
        refusal = _refusal(step, call, snapshot, rejects=route.on_loss == "reject")
        if refusal is None:
            kept.append(step)
        first = first or refusal
    if first is not None and not kept:
        return first
    if len(kept) == len(plan.steps):
        return plan
    if kept[0] == plan.steps[0]:
        return replace(plan, steps=tuple(kept))
    # whoever stood first is at no fault, so an arm of a canary is not judged by this exchange
    reason = f"those before it cannot be told all of it; {kept[0].reason}"
    return replace(plan, steps=tuple(kept), reason=reason, arm=None)


def _refusal(step: Step, call: Call, snapshot: Snapshot, *, rejects: bool) -> Refusal | None:
    to = destination(snapshot.providers[step.target.provider], step.target.model)
    pair = pair_for("openai", to.provider.dialect, to.model, call.endpoint)
    if pair is None or not pair.needs_body(call, to):
        return None
    made = pair.request(call, to)
    made = without_loss(made, step.target) if rejects else made
    return made if isinstance(made, Refusal) and made.reason is Reason.UNSUPPORTED_PARAMETER else None
