"""A plan for an Envoy that cannot walk one: its first target alone.

Law: nobody else's cluster is in it. A pool of several endpoints may be tried as often as it has endpoints, each time at
another, which is the same target again; who would have been next is said, and is not asked.
"""

from dataclasses import replace

from extproc.decision.plan import Plan


def first_target(plan: Plan, endpoints: int, max_attempts: int) -> Plan:
    """`endpoints`: of the first target's provider."""
    first, *others = plan.steps
    reason = plan.reason
    if others:
        reason += f"; its Envoy walks no plan, else {', '.join(str(step.target) for step in others)} would be next"
    tries = max(min(endpoints, max_attempts), 1)
    return replace(plan, steps=(first,) * tries, reason=reason, first_event=False, fallback_on=frozenset())
