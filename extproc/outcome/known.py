"""What is known of an exchange's decision: from its record's metadata, else from the router phase.

Law: the metadata wins, because it is what Envoy acted on; everything works from it alone (another worker decided, or
we were started in between). Values of the wrong kind are left out, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from extproc import names
from extproc.decision.plan import Plan
from extproc.outcome.pending import Decided
from extproc.outcome.record import Record
from extproc.snapshot import Target


@dataclass(frozen=True, slots=True)
class Known:
    id: str = ""
    snapshot: str = ""
    route: str = ""
    endpoint: str = ""
    dialect: str = ""
    caller: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    strategy: str | None = None
    arm: str | None = None
    targets: tuple[Target, ...] = ()
    reason: str | None = None
    stream: bool = False
    input_estimate: int = 0
    refusal: str | None = None
    losses: tuple[str, ...] = ()


def known(record: Record | None, decided: Decided | None) -> Known:
    told = record.metadata.get(names.META) if record is not None else None
    if told and told.get(names.M_ID):
        return _from_metadata(told)
    if decided is not None:
        return _from_router(decided)
    key = names.parse_route_key(record.route_name) if record is not None else None
    return Known(snapshot=key[0], route=key[1], endpoint=key[2]) if key else Known()


def _from_metadata(told: Mapping[str, Any]) -> Known:
    return Known(
        id=_text(told, names.M_ID) or "",
        snapshot=_text(told, names.M_SNAPSHOT) or "",
        route=_text(told, names.M_ROUTE) or "",
        endpoint=_text(told, names.M_ENDPOINT) or "",
        dialect=_text(told, names.M_DIALECT) or "",
        caller=_text(told, names.M_CALLER),
        labels=_texts(told.get(names.M_LABELS)),
        model=_text(told, names.M_MODEL),
        strategy=_text(told, names.M_STRATEGY),
        arm=_text(told, names.M_ARM),
        targets=_targets(told.get(names.M_TARGETS)),
        reason=_text(told, names.M_REASON),
        stream=told.get(names.M_STREAM) is True,
        input_estimate=_count(told.get(names.M_INPUT_ESTIMATE)),
        refusal=_text(told, names.M_REFUSAL),
        losses=_list(told.get(names.M_LOSSES)),
    )


def _from_router(decided: Decided) -> Known:
    facts, outcome = decided.facts, decided.outcome
    plan = outcome if isinstance(outcome, Plan) else None
    return Known(
        id=decided.exchange_id,
        snapshot=decided.snapshot_id,
        route=decided.route,
        endpoint=decided.endpoint,
        dialect=facts.dialect if facts else "",
        caller=facts.caller.name if facts else None,
        labels=facts.labels if facts else {},
        model=facts.model if facts else None,
        strategy=plan.strategy if plan else facts.strategy if facts else None,
        arm=plan.arm if plan else None,
        targets=tuple(step.target for step in plan.steps) if plan else (),
        reason=plan.reason if plan else None,
        stream=facts.stream if facts else False,
        input_estimate=facts.input_tokens if facts else 0,
        refusal=None if isinstance(outcome, Plan) else outcome.reason.code,
    )


def parse_target(text: str) -> Target | None:
    provider, slash, model = text.partition("/")
    return Target(provider, model) if slash and provider and model else None


def _targets(value: Any) -> tuple[Target, ...]:
    return tuple(target for target in map(parse_target, _list(value)) if target is not None)


def _list(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, (list, tuple)) else ()


def _text(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: text for key, text in value.items() if isinstance(key, str) and isinstance(text, str)}


def _count(value: Any) -> int:
    """A number of Envoy's metadata is a double, which may be anything a double can be."""
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 1e15 else 0
