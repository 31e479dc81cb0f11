"""What one exchange says of the arm of a canary that it began in.

Law: an arm answers for the target that stood first, and for nobody behind it: what another arm's target saved is a
failure all the same, and what it cost is not counted. Failed is what a target did or could not do: refused, reset, too
late, 5xx, 429, cut, no host, an error event, the gateway's own key refused, a model written in the arm that it does not
know. What a caller did and what nobody saw say nothing; nor does whoever left, unless he had waited for his first byte
longer than the canary may take.
"""

from typing import Final, Literal

from extproc.decision.rollout_window import Sample
from extproc.decision.strategies.canary import arm_of
from extproc.observe.outcome import Attempt, Outcome
from extproc.outcome.known import parse_target
from extproc.snapshot import RolloutSpec, Snapshot

Result = Literal["ok", "failed", "other"]
# Where 404 can only mean the model or the path: nothing that a caller names can be missing.
_NAMES_NOTHING_ELSE: Final = frozenset({"chat", "prompt", "completions", "embeddings"})
# What always fails over, whatever else it is; and an account that is empty is not the caller's.
_TARGETS_OWN: Final = frozenset({402, 408, 409, 425})
_FAILED: Final = frozenset({"failure", "rate_limited", "sink"})
_SEEN_BY_WALKING_ON: Final = frozenset({"ok", "unknown", "local_reply"})


def sample_of(outcome: Outcome, rollout: RolloutSpec, snapshot: Snapshot) -> Sample | None:
    """None: it says nothing of its arm."""
    if not outcome.attempts:
        return None
    first = outcome.attempts[0]
    target = parse_target(first.target)
    if target is None:
        return None
    if arm_of(rollout, target) != outcome.arm:
        return Sample(failed=True)  # its breaker kept the arm back, and the other stood in for it
    failed = _failed(first, outcome, rollout, snapshot)
    if failed is None:
        return _given_up(outcome, rollout)
    usage = outcome.usage
    answered_itself = usage is not None and not failed and outcome.target == first.target
    return Sample(
        failed=failed,
        seconds=_waited(outcome, failed),
        tokens=usage.input + usage.output if usage is not None and answered_itself else 0,
        cost=outcome.cost if answered_itself else None,
    )


def _failed(first: Attempt, outcome: Outcome, rollout: RolloutSpec, snapshot: Snapshot) -> bool | None:
    walked_on = len(outcome.attempts) > 1
    if first.kind in _FAILED:
        return True
    if first.kind == "caller_error":
        return True if _is_the_targets_own(first, outcome, rollout, snapshot) else None
    if walked_on and (first.kind in _SEEN_BY_WALKING_ON or first.why in _SEEN_BY_WALKING_ON):
        return True  # it had to be left: an error event stood first, or its record was lost
    if first.kind != "ok":
        return None
    return outcome.failed is not None or outcome.cut


def _given_up(outcome: Outcome, rollout: RolloutSpec) -> Sample | None:
    bound = rollout.criteria.latency_p95
    if not outcome.client_left or outcome.status or len(outcome.attempts) > 1 or bound is None:
        return None
    waited = (outcome.duration_ms or 0) / 1000
    return Sample(failed=False, seconds=waited) if waited >= bound else None


def _is_the_targets_own(first: Attempt, outcome: Outcome, rollout: RolloutSpec, snapshot: Snapshot) -> bool:
    if first.why == "upstream_auth":
        provider = snapshot.providers.get(first.target.partition("/")[0])
        return provider is not None and provider.credential.kind != "caller"
    if first.status in _TARGETS_OWN:
        return True
    written = first.target in map(str, (*rollout.stable, *rollout.canary))
    return first.status == 404 and written and outcome.endpoint in _NAMES_NOTHING_ELSE


def _waited(outcome: Outcome, failed: bool) -> float | None:
    """Seconds until the caller had something to read: the first chunk of a stream, else the whole answer."""
    if outcome.stream and outcome.ttft_ms is not None:
        return outcome.ttft_ms / 1000
    if outcome.duration_ms is None or (outcome.stream and not failed):
        return None
    return outcome.duration_ms / 1000


def result_of(sample: Sample | None) -> Result:
    if sample is None:
        return "other"
    return "failed" if sample.failed else "ok"
