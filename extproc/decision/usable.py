"""The names that a caller may ask for on a route: what GET /v1/models tells.

Law: a name is told if, and only if, at least one target it stands for passes the route and the caller. Globs stand for
the names that are known to match them; one that nothing is known of is told as it is written. What is retired is served
and not advertised.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from extproc.decision.lookup import Index, Listing, index_of
from extproc.decision.patterns import pattern
from extproc.decision.permission import may_use_model, may_use_provider, on_route
from extproc.facts.request import CallerFacts
from extproc.snapshot import Route, Snapshot, Target

GATEWAY = "extproc"  # who owns an alias


@dataclass(frozen=True, slots=True)
class UsableName:
    name: str
    owner: str  # the provider, or the gateway for an alias


def usable_names(snapshot: Snapshot, route: Route, caller: CallerFacts) -> tuple[UsableName, ...]:
    """Aliases first, then models in the order of the file; each name once."""
    index = index_of(snapshot)
    told: dict[str, UsableName] = {}
    for alias, targets in snapshot.aliases.items():
        if any(_may_use(target, route, caller, alias) for target in targets):
            told[alias] = UsableName(alias, GATEWAY)
    for name, provider in _listed(index):
        if name not in told and _may_use(Target(provider, name), route, caller, None):
            told[name] = UsableName(name, provider)
    return tuple(told.values())


def _listed(index: Index) -> Iterator[tuple[str, str]]:
    for provider, listing in index.listings.items():
        for name, (model, _) in listing.exact.items():
            if not model.former:
                yield name, provider
        for model in listing.provider.models:
            if "*" in model.name and not model.by_glob and not _is_spelled_out(model.name, listing):
                yield model.name, provider


def _is_spelled_out(glob: str, listing: Listing) -> bool:
    found = pattern(glob)
    return any(found.fullmatch(name) for name, (model, _) in listing.exact.items() if not model.former)


def _may_use(target: Target, route: Route, caller: CallerFacts, alias: str | None) -> bool:
    allowed = on_route(route, target.provider) and may_use_provider(caller, target.provider)
    return allowed and may_use_model(caller, target, alias)
