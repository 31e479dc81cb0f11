"""The metrics of several workers as one exposition, and what those had counted that are gone.

Law: how a metric joins is said in metric_table, for each one: counters and histograms add up, gauges are the same
everywhere or have a worst. What has been exposed once is never counted back: who ends leaves its counts here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from extproc.observe.metric_table import METRICS, Join

_PARTS: Final = ("_bucket", "_sum", "_count")
_JOINED: Final[Mapping[Join, Callable[[float, float], float]]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}
_BY_NAME: Final = {metric.name: metric for metric in METRICS}


class Departed:
    """What workers that are gone have counted, added up."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def add(self, exposition: str) -> None:
        for series, value in _series(exposition.split("\n")):
            metric = _BY_NAME.get(_metric(series))
            if metric is not None and metric.type != "gauge":
                self.counts[series] = self.counts.get(series, 0.0) + value


def merged(expositions: Sequence[str], departed: Departed) -> str:
    """One exposition. A single worker's, after which nobody is gone, is its own."""
    if len(expositions) == 1 and not departed.counts:
        return expositions[0]
    values: dict[str, float] = {}
    for exposition in expositions:
        for series, value in _series(exposition.split("\n")):
            values[series] = _join(series)(values[series], value) if series in values else value
    for series, value in departed.counts.items():
        values[series] = values.get(series, 0.0) + value
    return _written(values, expositions)


def _written(values: Mapping[str, float], expositions: Sequence[str]) -> str:
    """By metric, in the order of the table, each with the comments that its processor wrote."""
    comments: dict[str, list[str]] = {}
    for line in dict.fromkeys(line for text in expositions for line in text.split("\n") if line.startswith("#")):
        comments.setdefault(_told_of(line), []).append(line)
    by_metric: dict[str, list[str]] = {}
    for series, value in values.items():
        by_metric.setdefault(_metric(series), []).append(f"{series} {value}")
    lines = []
    for metric in dict.fromkeys((*(one.name for one in METRICS), *by_metric)):
        if metric in by_metric or metric in comments:
            lines += [*comments.get(metric, ()), *by_metric.get(metric, ())]
    return "\n".join(lines) + "\n"


def _series(lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    for line in lines:
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            yield series, float(value)


def _metric(series: str) -> str:
    """The metric that a series is of: `a_seconds` of `a_seconds_bucket{le="1"}`."""
    name = series.partition("{")[0]
    return next((whole for part in _PARTS if (whole := name.removesuffix(part)) in _BY_NAME), name)


def _told_of(comment: str) -> str:
    """`# HELP name …`, `# TYPE name …`."""
    return comment.split(" ", 3)[2]


def _join(series: str) -> Callable[[float, float], float]:
    """A metric that this version does not know is a younger worker's: nothing is made of several."""
    metric = _BY_NAME.get(_metric(series))
    return _JOINED[metric.join if metric is not None else "max"]
