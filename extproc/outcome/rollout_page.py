"""A canary as people read it: on the page of canaries, and in what its webhook is told."""

import math
from typing import Any

from extproc.decision.rollout import Progress, Seen
from extproc.decision.rollout_window import Numbers
from extproc.snapshot import RolloutSpec


def document_of(name: str, spec: RolloutSpec, progress: Progress, seen: Seen, now: float) -> dict[str, Any]:
    return {
        "strategy": name,
        "state": progress.state,
        "share": progress.share,
        "step": progress.step,
        "steps": list(spec.steps),
        "for_seconds": round(now - progress.since, 1),
        "why": progress.why,
        "min_samples": spec.min_samples,
        "criteria": {
            "error_rate": spec.criteria.error_rate,
            "latency_p95": spec.criteria.latency_p95,
            "cost_efficiency": spec.criteria.cost_efficiency,
        },
        "cost_efficiency": efficiency(seen),
        "canary": {"targets": [str(one) for one in spec.canary], **plain_numbers(seen.canary)},
        "stable": {"targets": [str(one) for one in spec.stable], **plain_numbers(seen.stable)},
    }


def efficiency(seen: Seen) -> float | None:
    """As JSON can say it: a canary that costs nothing has no number."""
    value = seen.cost_efficiency
    return value if value is not None and math.isfinite(value) else None


def plain_numbers(numbers: Numbers) -> dict[str, Any]:
    return {
        "samples": numbers.samples,
        "failed": numbers.failed,
        "error_rate": numbers.error_rate,
        "latency_p95": numbers.latency_p95,
    }
