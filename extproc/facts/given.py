"""What the Envoy that asks has: which clusters, and whether it shows answers on this route.

Law: written into each LLM route when Envoy is configured, and read where that configuration is not the processor's: a
plan then names nothing that this Envoy lacks, and nobody's answer waits to be translated that is never shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from extproc import names

LONGEST: Final = 16_000  # bytes; it comes with each exchange, though mostly as one byte of a compressed header
_SHOWN: Final = "shown"


@dataclass(frozen=True, slots=True)
class Given:
    clusters: frozenset[str]
    answers: bool  # the route shows them, so they can be translated


def write_given(clusters: Iterable[str], *, answers: bool) -> tuple[tuple[str, str], ...]:
    """As metadata of the router's streams. Of more than can be told nothing is, and nothing is relied on then."""
    text = " ".join(sorted(clusters))
    if len(text) > LONGEST:
        return ()
    return (names.GIVEN_CLUSTERS, text), (names.GIVEN_ANSWERS, _SHOWN if answers else "hidden")


def read_given(metadata: Mapping[str, str]) -> Given | None:
    """None where Envoy was not told: by an older version of ours, or because it was too much."""
    text = metadata.get(names.GIVEN_CLUSTERS)
    return None if text is None else Given(_clusters(text), metadata.get(names.GIVEN_ANSWERS) == _SHOWN)


@lru_cache(64)
def _clusters(text: str) -> frozenset[str]:
    return frozenset(text.split())
