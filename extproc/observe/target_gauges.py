"""What targets look like, as gauges: written anew at each scrape, because between two of them nobody looks.

Law: only what is fresh has a value. Targets that share labels (models under one glob) share the worst of them, or the
sum where it adds up.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import Gauge

from extproc.decision.plan import Measure, Observation, fresh
from extproc.observe.labels import LabelNames

SIZE_NAMES: Final = ("small", "medium", "large", "huge")  # by size class
Sample = tuple[str, tuple[str, ...], float]  # a metric, its labels, its value


def _sum(one: float, other: float) -> float:
    return one + other


JOINED: Final[Mapping[str, Callable[[float, float], float]]] = {
    "extproc_target_first_token_seconds": max,
    "extproc_target_first_token_p95_seconds": max,
    "extproc_target_token_seconds": max,
    "extproc_target_error_share": max,
    "extproc_target_in_flight": _sum,
    "extproc_target_limit_left": min,
    "extproc_target_cached_share": min,
    "extproc_provider_queue_depth": max,
    "extproc_provider_tokens_per_second": max,
}


def write_targets(
    gauges: Mapping[str, Gauge], names: LabelNames, observations: Mapping[str, Observation], now: float
) -> None:
    values: dict[tuple[str, tuple[str, ...]], float] = {}
    for target, seen in observations.items():
        for metric, labels, value in _samples(names.provider_and_model(target), seen, now):
            key = metric, labels
            values[key] = JOINED[metric](values[key], value) if key in values else value
    for metric in JOINED:
        gauges[metric].clear()
    for (metric, labels), value in values.items():
        gauges[metric].labels(*labels).set(value)


def _samples(labels: tuple[str, str], seen: Observation, now: float) -> Iterator[Sample]:
    for size, first in seen.first_token.items():
        if (value := fresh(first, now)) is not None:
            yield "extproc_target_first_token_seconds", (*labels, SIZE_NAMES[size]), value
    if seen.in_flight:
        yield "extproc_target_in_flight", labels, seen.in_flight
    measures: tuple[tuple[str, tuple[str, ...], Measure | None], ...] = (
        ("extproc_target_first_token_p95_seconds", labels, seen.latency_p95),
        ("extproc_target_token_seconds", labels, seen.per_token),
        ("extproc_target_error_share", labels, seen.errors),
        ("extproc_target_limit_left", (*labels, "requests"), seen.requests_left),
        ("extproc_target_limit_left", (*labels, "tokens"), seen.tokens_left),
        ("extproc_target_cached_share", labels, seen.cached_share),
        ("extproc_provider_queue_depth", labels[:1], seen.queue_depth),
        ("extproc_provider_tokens_per_second", labels[:1], seen.tokens_per_second),
    )
    for metric, of, measure in measures:
        if (value := fresh(measure, now)) is not None:
            yield metric, of, value
