"""What Prometheus would read of a gateway, as values: a series is its name and its labels."""

import re

import httpx

from tests.envoy.gateway import Gateway

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Series = tuple[str, frozenset[tuple[str, str]]]


def scraped(gateway: Gateway, path: str = "/metrics/envoy") -> str:
    return httpx.get(gateway.admin + path, timeout=10, trust_env=False).raise_for_status().text


def series(text: str) -> list[tuple[Series, float]]:
    """In their order, so that one that stands twice is seen twice."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            head, _, value = line.rpartition(" ")
            name, _, labels = head.partition("{")
            found.append(((name, frozenset(_LABEL.findall(labels))), float(value)))
    return found


def total(text: str, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (one, its), value in series(text) if one == name and wanted <= its)
