"""Label values: only names that an operator wrote, so that no caller can make a new series.

Law: a value is a name of the snapshot, a word of ours, `none` where there is none, and `other` for all else. A model
that a glob lists counts under the glob.
"""

from collections.abc import Iterable
from typing import Final

from extproc import names
from extproc.decision.addressed import NAMED
from extproc.decision.strategies import KINDS
from extproc.decision.written import ALIAS, CHAIN
from extproc.dialects.endpoints import BY_NAME, families_by_provider
from extproc.dialects.openai.parameters import PARAMETERS
from extproc.refusal import Reason
from extproc.snapshot import Snapshot, Target

NONE: Final = "none"
OTHER: Final = "other"
ENDPOINTS: Final = frozenset(BY_NAME) | {names.ENDPOINT_SERVICE, names.ENDPOINT_ANSWER, names.ENDPOINT_UNKNOWN}
STRATEGIES: Final = frozenset({*KINDS, ALIAS, CHAIN, NAMED})
WITHOUT_MODEL: Final = families_by_provider()
REASONS: Final = frozenset(reason.code for reason in Reason)


class LabelNames:
    """The names of one snapshot."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._routes = frozenset(route.name for route in snapshot.routes) if snapshot else frozenset()
        self._providers = frozenset(snapshot.providers) if snapshot else frozenset()
        self._models = _models(snapshot) if snapshot else {}
        self._globs = {name: tuple(_globs(models)) for name, models in self._models.items()}
        self._strategies = STRATEGIES | frozenset(snapshot.strategies if snapshot else ())
        teams = (caller.labels.get("team") for caller in snapshot.callers) if snapshot else ()
        self._teams = frozenset(team for team in teams if team)

    def route(self, name: str) -> str:
        return _known(name, self._routes)

    def endpoint(self, name: str) -> str:
        return _known(name, ENDPOINTS)

    def provider(self, name: str) -> str:
        return _known(name, self._providers)

    def strategy(self, name: str) -> str:
        return _known(name, self._strategies)

    def team(self, name: str | None) -> str:
        return _known(name, self._teams)

    def reason(self, code: str) -> str:
        return _known(code, REASONS)

    def parameter(self, loss: str) -> str:
        """The member of the request that it is about: `tools` for `tools.function.strict`."""
        return _known(loss.partition(".")[0], PARAMETERS)

    def provider_and_model(self, target: str | None) -> tuple[str, str]:
        provider, _, model = (target or "").partition("/")
        if not provider:
            return NONE, NONE
        if provider not in self._providers:
            return OTHER, OTHER
        if model in self._models[provider] or model in WITHOUT_MODEL:
            return provider, model
        return provider, next((glob for glob in self._globs[provider] if _matches(glob, model)), OTHER)


def status_class(status: int) -> str:
    """`2xx`, …; `none` where the caller was sent nothing."""
    return f"{status // 100}xx" if 100 <= status <= 599 else NONE


def _known(name: str | None, known: frozenset[str]) -> str:
    if not name:
        return NONE
    return name if name in known else OTHER


def _models(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """Each provider's models: those it lists, and those that are named for it elsewhere in the configuration."""
    models = {name: {model.name for model in provider.models} for name, provider in snapshot.providers.items()}
    for target in written_targets(snapshot):
        if target.provider in models:
            models[target.provider].add(target.model)
    return {name: frozenset(listed) for name, listed in models.items()}


def written_targets(snapshot: Snapshot) -> Iterable[Target]:
    """All that the configuration names outside of its providers' lists of models."""
    for provider in snapshot.providers.values():
        if provider.default_model:
            yield Target(provider.name, provider.default_model)
    for targets in snapshot.aliases.values():
        yield from targets
    for strategy in snapshot.strategies.values():
        yield from strategy.targets
        if strategy.rollout is not None:
            yield from (*strategy.rollout.stable, *strategy.rollout.canary)
    for route in snapshot.routes:
        if route.shadow is not None:
            yield route.shadow.target
        for entry in route.failover.chain:
            if entry.model:
                yield Target(entry.provider, entry.model)
        if route.provider and route.model:
            yield Target(route.provider, route.model)


def _globs(models: frozenset[str]) -> list[str]:
    """The most telling first: the longest."""
    return sorted((name for name in models if "*" in name), key=lambda name: (-len(name), name))


def _matches(glob: str, text: str) -> bool:
    """Whether the text has the glob's parts in their order, from its first to its last character."""
    first, *middle, last = glob.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
