"""Observations as one JSON document, and back: what `GET /observations` tells and `extproc explain --observed` reads.

Law: names and numbers only. The document knows no clock: every moment in it is an age, or how long until then, in
seconds, so that another process reads from it the same view at its own now. What is read back decides the same.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from extproc.decision.plan import SIZES, BreakerState, Health, Measure, Observation, Observations

Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Size = Annotated[int, msgspec.Meta(ge=0, le=len(SIZES))]
DIGITS: Final = 9  # behind the point, of moments: values are told as they are, because near ties hang on them


class NotObservations(ValueError):
    """The document is none of ours; the text is one line for people."""


class Aged(msgspec.Struct, frozen=True):
    """A measure without a clock."""

    value: Number
    age: Number  # seconds since the last sample
    samples: Count = 1


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """An observation without a clock; see decision.plan.Observation for what each field means."""

    breaker: BreakerState = "serving"
    reopens_in: Number | None = None  # seconds
    probes_left: Count = 0
    why: str = ""
    health: Health = "unknown"
    health_why: str = ""
    in_flight: Count = 0
    turn: Count = 0
    errors: Aged | None = None
    first_token: dict[Size, Aged] = {}
    per_token: Aged | None = None
    latency_p95: Aged | None = None
    requests_left: Aged | None = None
    tokens_left: Aged | None = None
    queue_depth: Aged | None = None
    tokens_per_second: Aged | None = None
    cached_share: Aged | None = None
    asleep: bool = False


class Document(msgspec.Struct, frozen=True):
    targets: dict[str, Seen]
    outputs: dict[str, Aged] = {}
    shares: dict[str, Number] = {}


def told(observations: Observations, now: float) -> dict[str, Any]:
    """As what JSON has."""
    document = Document(
        {name: _seen(one, now) for name, one in observations.targets.items()},
        {name: _aged(one, now) for name, one in observations.outputs.items()},
        dict(observations.shares),
    )
    made: dict[str, Any] = msgspec.to_builtins(document, str_keys=True)
    return made


def read(document: object, now: float) -> Observations:
    """Raises NotObservations."""
    try:
        said = msgspec.convert(document, Document, str_keys=True)
    except msgspec.ValidationError as error:
        raise NotObservations(f"these are no observations: {error}") from None
    return Observations(
        {name: _observation(one, now) for name, one in said.targets.items()},
        {name: _measure(one, now) for name, one in said.outputs.items()},
        said.shares,
    )


def _seen(one: Observation, now: float) -> Seen:
    fields: dict[str, Any] = {name: getattr(one, name) for name in _AS_THEY_ARE}
    fields |= {name: _aged(measure, now) for name in _MEASURES if (measure := getattr(one, name)) is not None}
    reopens_in = None if one.reopens_at is None else round(one.reopens_at - now, DIGITS)
    return Seen(reopens_in=reopens_in, first_token=_each(one.first_token, now), **fields)


def _each(measures: Mapping[int, Measure], now: float) -> dict[int, Aged]:
    return {size: _aged(measure, now) for size, measure in sorted(measures.items())}


def _aged(measure: Measure, now: float) -> Aged:
    return Aged(measure.value, round(now - measure.at, DIGITS), measure.samples)


def _observation(one: Seen, now: float) -> Observation:
    fields: dict[str, Any] = {name: getattr(one, name) for name in _AS_THEY_ARE}
    fields |= {name: _measure(aged, now) for name in _MEASURES if (aged := getattr(one, name)) is not None}
    return Observation(
        reopens_at=None if one.reopens_in is None else now + one.reopens_in,
        first_token={size: _measure(aged, now) for size, aged in one.first_token.items()},
        **fields,
    )


def _measure(aged: Aged, now: float) -> Measure:
    return Measure(aged.value, now - aged.age, aged.samples)


_MEASURES: Final = tuple(name for name in Seen.__struct_fields__ if Seen.__annotations__[name] == Aged | None)
_AS_THEY_ARE: Final = tuple(
    name for name in Seen.__struct_fields__ if name not in (*_MEASURES, "reopens_in", "first_token")
)
