"""Envoy's own counters of what it refused by itself, in Prometheus' text form: a part of the admin port's /metrics."""

import re
from collections.abc import Mapping
from typing import Final

from extproc.observe.envoy_table import ENVOY_METRICS, EnvoyMetric

WANTED: Final = frozenset(stat for metric in ENVOY_METRICS for _, stat in metric.stats)
FILTER: Final = "^(" + "|".join(re.escape(name) for name in sorted(WANTED)) + ")$"


def read(text: str) -> dict[str, float]:
    """`name: value` lines of Envoy's admin interface."""
    found = {}
    for line in text.splitlines():
        name, colon, value = line.rpartition(": ")
        if colon and name in WANTED and value.isdigit():
            found[name] = float(value)
    return found


def exposed(stats: Mapping[str, float]) -> str:
    return "".join(_family(metric, stats) for metric in ENVOY_METRICS)


def _family(metric: EnvoyMetric, stats: Mapping[str, float]) -> str:
    lines = [f"# HELP {metric.name} {metric.doc}", f"# TYPE {metric.name} {metric.type}"]
    for value, stat in metric.stats:
        labels = f'{{{metric.label}="{value}"}}' if metric.label else ""
        lines.append(f"{metric.name}{labels} {stats.get(stat, 0.0) * metric.scale:g}")
    return "\n".join(lines) + "\n"
