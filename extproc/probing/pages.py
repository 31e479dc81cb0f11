"""Which pages of a provider are asked for, and what an answer to the question of its health means.

Law: what the operator named is asked and nothing found out; it must be answered well. Else `/health` is asked, and
where there is none, the list of models: who answers that is alive. No answer with a 5xx is a good one.
"""

from dataclasses import dataclass
from typing import Final, Literal

from extproc.snapshot import Provider

HEALTH: Final = "/health"
STATS: Final = "/stats"
METRICS: Final = "/metrics"
VERSION: Final = "/v1"
_NO_SUCH_PAGE: Final = frozenset({400, 404, 405, 406, 410, 501})
_KEPT_FROM_US: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Pages:
    named: str | None  # by the operator
    root: str  # before /health and its like

    def at(self, page: str) -> str:
        return f"{self.root}{page}"


def pages_of(provider: Provider) -> Pages:
    prefix = provider.path_prefix
    root = prefix.removesuffix(VERSION) if provider.versioned else prefix
    return Pages(provider.health.path if provider.health is not None else None, root)


def models_page(provider: Provider) -> str:
    return f"{provider.path_prefix}/models" if provider.versioned else f"{provider.path_prefix}{VERSION}/models"


@dataclass(frozen=True, slots=True)
class Verdict:
    state: Literal["good", "failed", "absent"]
    why: str = ""


def verdict(status: int, page: str, *, named: bool) -> Verdict:
    """Of an answer to a question of health."""
    if 200 <= status < 300:
        return Verdict("good")
    if status in _KEPT_FROM_US or status == 429:
        return Verdict("good", f"answers {status} at {page}, so it is alive")
    if status >= 500 and status != 501:
        return Verdict("failed", f"answers {status}")
    if named:
        moved = ", and redirects are not followed" if 300 <= status < 400 else ""
        return Verdict("failed", f"answers {status} at {page}{moved}")
    if status in _NO_SUCH_PAGE or 300 <= status < 400:
        return Verdict("absent", f"answers {status} at {page}")
    return Verdict("good", f"answers {status} at {page}, so it is alive")


def is_absent(status: int) -> bool:
    """Whether a page of numbers need not be asked for again so soon."""
    return status in _NO_SUCH_PAGE or status in _KEPT_FROM_US or 300 <= status < 400
