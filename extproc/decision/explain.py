"""A decision as one JSON document, for people and for `extproc explain`.

Law: nothing here decides. The document holds names, numbers and reasons; of headers that carry secrets only that they
are there.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final

from extproc.decision.plan import Decision, Plan
from extproc.facts.request import Facts
from extproc.refusal import Refusal

SECRET_WORDS: Final = ("authorization", "cookie", "key", "secret", "token", "signature", "credential", "password")
HIDDEN: Final = "***"


@dataclass(frozen=True, slots=True)
class Explanation:
    facts: Facts
    decision: Decision
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # what would be sent to the first target
    sends: Mapping[str, Any] | None = field(default=None, repr=False)  # its method, path and body
    losses: tuple[str, ...] = ()  # what the first target cannot be told

    def document(self) -> dict[str, Any]:
        outcome = self.decision.outcome
        return {
            "facts": plain(self.facts),
            "candidates": [
                {"target": str(one.target), "kept": one.kept, "reason": one.reason, "score": one.score}
                for one in self.decision.candidates
            ],
            "plan": [str(step.target) for step in outcome.steps] if isinstance(outcome, Plan) else [],
            "strategy": outcome.strategy if isinstance(outcome, Plan) else None,
            "arm": outcome.arm if isinstance(outcome, Plan) else None,
            "reason": outcome.reason if isinstance(outcome, Plan) else None,
            "headers": {name: HIDDEN if _secret(name) else value for name, value in self.headers.items()},
            "losses": list(self.losses),
            "sends": dict(self.sends) if self.sends is not None else None,
            "refusal": _refusal(outcome) if isinstance(outcome, Refusal) else None,
        }


def plain(value: Any) -> Any:
    """Dataclasses, mappings and collections as what JSON has; sets sorted, so that the document is stable."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Set):
        return sorted(plain(one) for one in value)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "status": refusal.status,
        "code": refusal.reason.code,
        "message": refusal.message,
        "param": refusal.param,
        "retry_after": refusal.retry_after,
    }


def _secret(header: str) -> bool:
    return any(word in header.lower() for word in SECRET_WORDS)
