"""A plan's requests, made before any is sent: on routes that reject what would be lost.

Law: a target that its own translation refuses, or loses something at, leaves the plan; the refusal of the first is told
where none stays. What a request asks for by its mere fields was sifted before; here it is seen in their values.
"""

from dataclasses import replace

from extproc.decision.plan import Plan, Step
from extproc.exchange.attempt import destination, without_loss
from extproc.refusal import Refusal
from extproc.snapshot import Snapshot
from extproc.translation.pair import Call
from extproc.translation.registry import pair_for


def rehearsed(plan: Plan, call: Call, snapshot: Snapshot) -> Plan | Refusal:
    """`call` is a chat, never a bare prompt."""
    kept: list[Step] = []
    first: Refusal | None = None
    for step in plan.steps:
        refusal = _refusal(step, call, snapshot)
        if refusal is None:
            kept.append(step)
        first = first or refusal
    if first is not None and not kept:
        return first
    if len(kept) == len(plan.steps):
        return plan
    reason = plan.reason if kept[0] == plan.steps[0] else f"those before it would lose something; {kept[0].reason}"
    return replace(plan, steps=tuple(kept), reason=reason)


def _refusal(step: Step, call: Call, snapshot: Snapshot) -> Refusal | None:
    to = destination(snapshot.providers[step.target.provider], step.target.model)
    pair = pair_for("openai", to.provider.dialect, to.model, call.endpoint)
    if pair is None or not pair.needs_body(call, to):
        return None
    made = without_loss(pair.request(call, to), step.target)
    return made if isinstance(made, Refusal) else None
