"""What workers tell each other, as bytes.

Law: siblings are of one machine and one user, and mostly of one version. What cannot be read is another version's: it
raises Garbled and is left out, and nothing depends on it.
"""

from typing import Any, Final, TypeVar

import msgspec

from extproc.decision.breaker import Breaker
from extproc.decision.plan import Plan, Step
from extproc.decision.rollout_window import Parts
from extproc.facts.request import CallerFacts, Facts
from extproc.outcome.handed_on import Knowledge
from extproc.outcome.pending import Decided
from extproc.outcome.record import Record, RelayedRecord
from extproc.outcome.rollouts import Standing
from extproc.probing.endpoint import SeenEndpoint
from extproc.snapshot import Target
from extproc.wire.codec import Garbled

RECORD: Final = 1  # of Envoy's access log, as it was read: reading it again would cost ten times as much
DECIDED: Final = 2  # a plan
RESERVED: Final = 3  # a probe of a target whose breaker opens again
SHUT: Final = 4  # a breaker that opened
STANDING: Final = 5  # canaries and probes, as the leader has them
ASKED: Final = 6  # who begins asks the leader for what it knows
KNOWN: Final = 7  # and is told
LEAVING: Final = 8  # who drains leads no more


class Hello(msgspec.Struct, frozen=True):
    born: float  # the oldest leads
    leaving: bool = False


class Reserved(msgspec.Struct, frozen=True, array_like=True):
    target: Target
    exchange_id: str


class Shut(msgspec.Struct, frozen=True, array_like=True):
    target: Target
    breaker: Breaker


class Standings(msgspec.Struct, frozen=True):
    canaries: dict[str, Standing] = {}
    probes: dict[str, list[SeenEndpoint]] = {}  # by provider


class Known(msgspec.Struct, frozen=True):
    knowledge: Knowledge
    standings: Standings
    windows: list[tuple[str, str, Parts]] = []  # of each canary's strategy, each arm


class _Plan(msgspec.Struct, frozen=True, array_like=True):
    """Of a decision what others go by: where the exchange is, and what its records may not tell."""

    exchange_id: str
    request_id: str
    snapshot: str
    route: str
    endpoint: str
    targets: list[Target]
    strategy: str
    reason: str
    arm: str | None
    caller: str | None
    labels: dict[str, str]
    model: str | None
    stream: bool
    input_tokens: int


Message = TypeVar("Message")
_encoder: Final = msgspec.msgpack.Encoder()
_decoders: Final[dict[Any, Any]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (Hello, Reserved, Shut, Standings, Known, RelayedRecord, _Plan)
}


def encode(message: Hello | Record | Reserved | Shut | Standings | Known) -> bytes:
    return _encoder.encode(message)


def decode(data: bytes, kind: type[Message]) -> Message:
    try:
        decoded: Message = _decoders[kind].decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Garbled(f"no {kind.__name__} of this version") from None
    return decoded


def encode_decided(decided: Decided) -> bytes | None:
    """None: a refusal, of which its own record says all."""
    plan, facts = decided.outcome, decided.facts
    if not isinstance(plan, Plan) or facts is None:
        return None
    return _encoder.encode(
        _Plan(
            exchange_id=decided.exchange_id,
            request_id=decided.request_id,
            snapshot=decided.snapshot_id,
            route=decided.route,
            endpoint=decided.endpoint,
            targets=[step.target for step in plan.steps],
            strategy=plan.strategy,
            reason=plan.reason,
            arm=plan.arm,
            caller=facts.caller.name,
            labels=dict(facts.labels),
            model=facts.model,
            stream=facts.stream,
            input_tokens=facts.input_tokens,
        )
    )


def decode_decided(data: bytes) -> Decided:
    told = decode(data, _Plan)
    return Decided(
        exchange_id=told.exchange_id,
        request_id=told.request_id,
        snapshot_id=told.snapshot,
        route=told.route,
        endpoint=told.endpoint,
        outcome=Plan(
            steps=tuple(Step(target, "") for target in told.targets),
            strategy=told.strategy,
            reason=told.reason,
            first_byte_timeout=0.0,
            first_event=False,
            arm=told.arm,
        ),
        facts=Facts(
            route=told.route,
            endpoint=told.endpoint,
            family="",
            model=told.model,
            stream=told.stream,
            input_tokens=told.input_tokens,
            caller=CallerFacts(told.caller),
            labels=told.labels,
        ),
        took=0.0,
    )
