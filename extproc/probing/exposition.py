"""Prometheus' text form, as far as it is about names that are asked for.

Law: tolerant. A line that is none is passed over, series of one name are added up (models, ranks), and no page takes
longer to read than its length.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from extproc.probing.numbers import sane

MOST_SAMPLES: Final = 5_000  # of the names that are asked for
_BUCKET: Final = "_bucket"
_SAMPLE: Final = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{([^\n]*)\})?[ \t]+(\S+)(?:[ \t]+-?[0-9]+)?[ \t]*")
_UPPER_END: Final = re.compile(r'(?:^|,)[ \t]*le="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Exposition:
    values: Mapping[str, float] = field(default_factory=dict)  # the sum of each name's series
    buckets: Mapping[str, Mapping[float, float]] = field(default_factory=dict)  # histogram → upper end → count up to it


def read_exposition(body: bytes, wanted: Set[str]) -> Exposition:
    """`wanted` are names of samples, histograms by their own name, without `_bucket`."""
    values: dict[str, float] = defaultdict(float)
    buckets: dict[str, dict[float, float]] = {}
    left = MOST_SAMPLES
    for line in body.decode("utf-8", errors="replace").split("\n"):
        name = line.partition("{")[0].partition(" ")[0].partition("\t")[0]
        histogram = name.removesuffix(_BUCKET)
        if name not in wanted and (histogram == name or histogram not in wanted):
            continue
        found = _SAMPLE.fullmatch(line.rstrip("\r"))
        value = _number(found[3]) if found else None
        if found is None or value is None:
            continue
        left -= 1
        if left < 0:
            break
        if name in wanted:
            values[name] += value
        elif (end := _upper_end(found[2] or "")) is not None:
            ends = buckets.setdefault(histogram, defaultdict(float))
            ends[end] += value
    return Exposition(dict(values), {name: dict(ends) for name, ends in buckets.items()})


def _number(text: str) -> float | None:
    try:
        return sane(float(text))
    except ValueError:
        return None


def _upper_end(labels: str) -> float | None:
    found = _UPPER_END.search(labels)
    if found is None:
        return None
    return float("inf") if found[1] in ("+Inf", "Inf") else _number(found[1])


def quantile(share: float, before: Mapping[float, float] | None, now: Mapping[float, float]) -> float | None:
    """What `share` of a histogram's values since `before` stayed below; None where there were none.

    Within a bucket they are taken to lie evenly, as Prometheus takes them. A histogram that began anew counts whole.
    """
    since = {end: count - (before or {}).get(end, 0.0) for end, count in now.items()}
    if any(count < 0 for count in since.values()):
        since = dict(now)
    ends = sorted(since)
    total = since[ends[-1]] if ends else 0.0
    if total <= 0:
        return None
    rank, lower, below = share * total, 0.0, 0.0
    for end in ends:
        if since[end] >= rank:
            if end == float("inf"):
                return lower or None  # longer than the longest that is told
            return lower + (end - lower) * (rank - below) / (since[end] - below) if since[end] > below else end
        lower, below = end, since[end]
    return lower or None
