"""What the router says of an exchange: the plan as metadata and headers, and what leaves the request at once.

Law: the decision's namespace holds what logs may print; what they must not (the path with its query, credentials)
stands in the private one, and a credential only where a planned target takes the caller's own. Headers go away before
the first attempt, so that nothing of them can be forgotten later; a service's request loses only what is ours.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from extproc import names
from extproc.decision.plan import Plan, Step
from extproc.dialects.endpoints import is_upgraded
from extproc.dialects.openai.realtime import sent_subprotocols
from extproc.facts.request import Facts
from extproc.protocol.events import Headers, Value
from extproc.protocol.replies import HeaderEdit, Metadata
from extproc.snapshot import Route, Snapshot

_CREDENTIALS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"}
)
_LEFT_OUT: Final = frozenset({"accept-encoding", names.SUBPROTOCOLS})  # said anew, where they go on
_AWS: Final = "x-amz-"
_ASKS_USAGE: Final = frozenset({"chat", "completions"})  # endpoints whose streams tell usage only when asked


@dataclass(frozen=True, slots=True)
class Received:
    """The caller's request as it came, and the id that we gave it."""

    id: str
    method: str
    path: str = field(repr=False)  # with the query
    content_type: str = ""
    credential: str | None = field(default=None, repr=False)


def llm_headers(present: Headers, plan: Plan) -> HeaderEdit:
    """Everything that is a secret or ours leaves; how often and how long Envoy tries comes in."""
    given = (*_tries(plan), *_subprotocols(present))
    kept = frozenset(name for name, _ in given)
    return HeaderEdit(set=given, remove=_present(present, lambda name: name not in kept and _leaves_llm(name)))


def service_headers(present: Headers) -> HeaderEdit:
    return HeaderEdit(remove=_present(present, _is_ours))


def _tries(plan: Plan) -> tuple[tuple[str, str], ...]:
    timeout = max(math.ceil(plan.first_byte_timeout * 1000), 1)
    return (
        (names.ENVOY_MAX_RETRIES, str(len(plan.steps) - 1)),
        (names.ENVOY_FIRST_BYTE_TIMEOUT, str(timeout)),
    )


def portable_llm_headers(present: Headers, plan: Plan, snapshot: Snapshot, facts: Facts) -> HeaderEdit:
    """The same for an Envoy whose route goes by a header, and whose edge takes nothing off that steers it."""
    cluster = _cluster(plan.steps[0], snapshot, facts)
    given = (*_tries(plan), *_subprotocols(present), (names.CTL_CLUSTER, cluster))
    kept = frozenset(name for name, _ in given)
    return HeaderEdit(
        set=given, remove=_present(present, lambda name: name not in kept and (_leaves_llm(name) or _is_envoys(name)))
    )


def _subprotocols(present: Headers) -> tuple[tuple[str, str], ...]:
    """Of a WebSocket: those that are not for us. An empty list is none."""
    sent = sent_subprotocols(present.joined(names.SUBPROTOCOLS))
    return ((names.SUBPROTOCOLS, sent),) if sent else ()


def portable_service_headers(present: Headers) -> HeaderEdit:
    return HeaderEdit(remove=_present(present, lambda name: _is_ours(name) or _is_envoys(name)))


def asks_usage(facts: Facts, route: Route) -> bool:
    """Whether the provider must be asked for a stream's usage, though the caller did not."""
    return (
        route.usage == "exact"
        and facts.answer_shown
        and facts.stream
        and not facts.usage_asked
        and facts.endpoint in _ASKS_USAGE
    )


def plan_metadata(
    plan: Plan, snapshot: Snapshot, facts: Facts, route: Route, received: Received, *, attended: bool = False
) -> Metadata:
    """The three namespaces: the decision, what attempts need, and the plan for Envoy."""
    return {
        **_told(plan, snapshot, facts, route, received, attended=attended),
        names.META_PLAN: {"priority_groups": list(_groups(plan, snapshot, facts, held=_is_held(plan, facts)))},
    }


def portable_metadata(
    plan: Plan, snapshot: Snapshot, facts: Facts, route: Route, received: Received, *, attended: bool
) -> Metadata:
    """For an Envoy that walks no plan: whom it will have tried is known at once."""
    return {
        **_told(plan, snapshot, facts, route, received, attended=attended),
        names.META_WALK: {names.W_REAL: 1, names.W_TARGET: str(plan.steps[0].target)},
    }


def _told(
    plan: Plan, snapshot: Snapshot, facts: Facts, route: Route, received: Received, *, attended: bool
) -> dict[str, Mapping[str, Value]]:
    return {
        names.META: {
            **_decision(plan, snapshot, facts, received.id),
            **({names.M_ATTENDED: True} if attended else {}),
            **({names.M_TELL_LOSSES: True} if route.on_loss == "warn" else {}),
        },
        names.META_PRIVATE: _private(plan, snapshot, facts, route, received),
    }


def _decision(plan: Plan, snapshot: Snapshot, facts: Facts, exchange: str) -> dict[str, Value]:
    told: dict[str, Value] = {
        names.M_ID: exchange,
        names.M_SNAPSHOT: snapshot.id,
        names.M_ROUTE: facts.route,
        names.M_ENDPOINT: facts.endpoint,
        names.M_DIALECT: facts.dialect,
        names.M_CALLER: facts.caller.name,
        names.M_MODEL: facts.model,
        names.M_STRATEGY: plan.strategy,
        names.M_ARM: plan.arm,
        names.M_TARGETS: [str(step.target) for step in plan.steps],
        names.M_REASON: plan.reason,
        names.M_EXPLAIN: facts.explain or None,
        names.M_STREAM: facts.stream,
        names.M_INPUT_ESTIMATE: facts.input_tokens,
        names.M_LABELS: dict(facts.labels),
    }
    return {name: value for name, value in told.items() if value is not None}


def _private(plan: Plan, snapshot: Snapshot, facts: Facts, route: Route, received: Received) -> dict[str, Value]:
    told: dict[str, Value] = {
        names.P_PATH: received.path,
        names.P_METHOD: received.method,
        names.P_CONTENT_TYPE: received.content_type,
        names.P_CREDENTIAL: received.credential if _takes_callers_own(plan, snapshot) else None,
        names.P_BODY_MODEL: facts.body_model,
        names.P_OWN_FIELDS: list(facts.own_fields),
        names.P_REJECTS: route.on_loss == "reject" or None,
        names.P_FEATURES: sorted(facts.features) or None,
        names.P_ASK_USAGE: asks_usage(facts, route),
        names.P_FIRST_BYTE: plan.first_byte_timeout,
        names.P_FIRST_EVENT: (plan.first_event and facts.stream) or None,
        names.P_FALLBACK_ON: sorted(plan.fallback_on) or None,
        names.P_BODY_BYTES: facts.body_bytes or None,  # None: it was not read
    }
    return {name: value for name, value in told.items() if value is not None}


def _takes_callers_own(plan: Plan, snapshot: Snapshot) -> bool:
    return any(snapshot.providers[step.target.provider].credential.kind == "caller" for step in plan.steps)


def _is_held(plan: Plan, facts: Facts) -> bool:
    return (plan.first_event and facts.stream) or bool(plan.fallback_on)


def _groups(plan: Plan, snapshot: Snapshot, facts: Facts, *, held: bool) -> Iterable[dict[str, Value]]:
    """`held`: by the twins of the clusters. Behind the last target is nobody to go to, so its answer never is."""
    last = len(plan.steps) - 1
    for index, step in enumerate(plan.steps):
        cluster = _cluster(step, snapshot, facts)
        if held and index < last and facts.envoy_has(cluster + names.HELD_SUFFIX):
            cluster += names.HELD_SUFFIX
        yield {"name": str(index), "clusters": [{"cluster_name": cluster, "weight": 1}]}


def _cluster(step: Step, snapshot: Snapshot, facts: Facts) -> str:
    provider = snapshot.providers[step.target.provider]
    upgraded = is_upgraded(facts.endpoint) and provider.negotiates
    return provider.cluster + (names.UPGRADE_SUFFIX if upgraded else "")


def _present(headers: Headers, leaves: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in headers.pairs if leaves(name)))


def _is_ours(name: str) -> bool:
    return name.startswith(names.PREFIX)


def _is_envoys(name: str) -> bool:
    return name.startswith(names.ENVOY_PREFIX)


def _leaves_llm(name: str) -> bool:
    return name in _CREDENTIALS or name in _LEFT_OUT or name.startswith(_AWS) or _is_ours(name)
