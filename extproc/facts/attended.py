"""Which routes may lead to an answer that must be read or changed on its way.

Law: asked when the data plane is configured, long before any plan: a route that may lead there shows its answers, and
where one passes after all, the processor has ended its stream and nothing of it is sent. A route that is missed here
would give callers a provider's own dialect.
"""

from typing import Final

from extproc.dialects.endpoints import is_by_provider
from extproc.snapshot import TRANSLATED_DIALECTS, Route, Snapshot

TRANSLATED_ENDPOINTS: Final = frozenset({"chat", "prompt"})


def is_translated(dialect: str, endpoint: str) -> bool:
    return endpoint in TRANSLATED_ENDPOINTS and dialect in TRANSLATED_DIALECTS


def may_attend(route: Route, snapshot: Snapshot, endpoint: str) -> bool:
    if route.kind != "llm" or is_by_provider(endpoint):
        return False
    if route.attend or route.usage == "exact":
        return True
    allowed = route.providers or tuple(snapshot.providers)
    dialects = {snapshot.providers[name].dialect for name in allowed if name in snapshot.providers}
    return any(is_translated(dialect, endpoint) for dialect in dialects)
