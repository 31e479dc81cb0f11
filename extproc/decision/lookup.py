"""A name asked for → the targets it stands for.

Law: alias, then listed models (exact before glob; every provider that lists it, and behind them those that take any
name), then `provider/model` at the first slash, then those that take any name alone. Nothing here filters: who may use
a target, and whether it can, is asked later. A snapshot is indexed once; a lookup costs
what matches, not what there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from re import Pattern
from typing import Any, Final

from extproc.decision.contender import ANY_NAME, BY_GLOB, NAMED, Contender, as_written
from extproc.decision.patterns import pattern
from extproc.dialects.model_names import by_plain_name, plain_name
from extproc.money import Price
from extproc.snapshot import Model, Provider, Route, Snapshot, Target

UNREAD: Final = "unread"  # the model of a target whose request names its model in a body that passes unread
AUTO: Final = "auto"  # whatever the route allows; an alias of this name goes before


# --- one provider ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """What one provider lists. The first entry of a name wins, an exact one before every glob."""

    provider: Provider
    exact: dict[str, tuple[Model, int]]  # with its place in the file
    globs: tuple[tuple[Pattern[str], Model, int], ...]
    plain: dict[str, Model]  # the known ones under its globs, by the name that all spellings mean
    retired: tuple[tuple[Pattern[str], Model], ...]
    position: int

    @property
    def takes_any(self) -> bool:
        return not self.provider.lists_models

    def entry(self, name: str) -> Model | None:
        if name in self.exact:
            return self.exact[name][0]
        globbed = next((model for found, model, _ in self.globs if found.fullmatch(name)), None)
        return self._of_today(name, globbed and self._known(globbed, name))

    def _known(self, glob: Model, name: str) -> Model:
        """What is known of a name under a glob in another spelling: dated, a profile, `-latest`."""
        return self.plain.get(plain_name(name), glob) if glob.upstream is None else glob

    def _of_today(self, name: str, under: Model | None) -> Model | None:
        """A retired name goes to its successor, unless the glob that it is under says where it goes."""
        if under is not None and under.upstream is not None:
            return under
        return next((model for found, model in self.retired if found.fullmatch(name)), under)

    def listed(self, name: str) -> Contender | None:
        target = Target(self.provider.name, name)
        if name in self.exact:
            model, position = self.exact[name]
            return Contender(target, self.provider, model, BY_GLOB if model.by_glob else NAMED, position)
        for found, model, position in self.globs:
            if found.fullmatch(name):
                # `*` takes `openrouter/x/y` too, and means the model x/y by it
                own = self._own(name)
                known = self._of_today(name, self._known(model, name))
                return own or Contender(target, self.provider, known, BY_GLOB, position)
        return None

    def _own(self, name: str) -> Contender | None:
        """What a name that begins with the provider's own stands for."""
        head, _, rest = name.partition("/")
        return self.listed(rest) if rest and head == self.provider.name else None

    def serve(self, name: str) -> Contender | None:
        """This name at this provider alone; a name that begins with the provider's own stands for the rest of it."""
        found = self.listed(name)
        if found is not None:
            return found
        head, slash, rest = name.partition("/")
        if slash and rest and head == self.provider.name:
            found = self.listed(rest)
            if found is not None or self.takes_any:
                return found or self.any_name(rest)
        return self.any_name(name) if self.takes_any else None

    def any_name(self, name: str) -> Contender:
        return Contender(Target(self.provider.name, name), self.provider, self.entry(name), ANY_NAME, self.position)

    def named(self, name: str, position: int) -> Contender:
        """Written out by the operator: believed, also when the provider does not list it."""
        return Contender(Target(self.provider.name, name), self.provider, self.entry(name), NAMED, position)

    def default(self) -> Contender | None:
        name = self.provider.default_model
        return self.listed(name) or self.any_name(name) if name else None

    def unread(self, family: str) -> Contender:
        """For a body that is not read: the name of its model stands in it, and only there."""
        model = Model(self.provider.default_model or UNREAD, endpoints=frozenset({family}))
        return Contender(Target(self.provider.name, model.name), self.provider, model, NAMED, self.position)

    def without_model(self, family: str) -> Contender:
        """For what no model is asked of, such as files."""
        model = Model(family, endpoints=frozenset({family}))
        return Contender(Target(self.provider.name, family), self.provider, model, NAMED, self.position)

    def concrete(self) -> Iterator[Contender]:
        """What `auto` may take: the names it lists, and its default where globs or any name leave that open."""
        for name, (model, position) in self.exact.items():
            if model.by_glob or model.former:
                continue
            yield Contender(Target(self.provider.name, name), self.provider, model, NAMED, position)
        default = self.default()
        if default is not None and default.target.model not in self.exact:
            yield default


def listing_of(provider: Provider, position: int = 0) -> Listing:
    exact: dict[str, tuple[Model, int]] = {}
    globs: list[tuple[Pattern[str], Model, int]] = []
    for offset, model in enumerate(provider.models):
        if "*" in model.name:
            globs.append((pattern(model.name), model, position + offset))
        else:
            exact.setdefault(model.name, (model, position + offset))
    known = by_plain_name(model for model, _ in exact.values() if model.by_glob)
    retired = tuple((pattern(model.name), model) for model in provider.retired)
    return Listing(provider, exact, tuple(globs), known, retired, position)


# --- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Index:
    """A snapshot, turned so that a name finds what it stands for."""

    snapshot: Snapshot
    routes: dict[str, Route]
    listings: dict[str, Listing]
    exact: dict[str, tuple[Listing, ...]]  # by a model's name
    globs: dict[str, tuple[Listing, ...]]  # by what stands before a glob's first star
    glob_lengths: tuple[int, ...]
    any_name: tuple[Listing, ...]
    autos: dict[str, tuple[Contender, ...]]  # by family

    def listed(self, name: str) -> list[Contender]:
        """Every provider that lists it, in no order."""
        found = {listing.provider.name: listing for listing in self.exact.get(name, ())}
        for length in self.glob_lengths:
            if length > len(name):
                break
            for listing in self.globs.get(name[:length], ()):
                found.setdefault(listing.provider.name, listing)
        contenders = (listing.listed(name) for listing in found.values())
        return [contender for contender in contenders if contender is not None]

    def split(self, name: str) -> Contender | None:
        """`provider/model`, where that provider serves the model."""
        head, _, rest = name.partition("/")
        listing = self.listings.get(head)
        if listing is None or not rest:
            return None
        return listing.listed(rest) or (listing.any_name(rest) if listing.takes_any else None)

    def serving(self, name: str) -> list[Contender]:
        """Who lists it, then who takes any name; each in the order of the file."""
        found = self.listed(name)
        have = {contender.provider.name for contender in found}
        found += [one.any_name(name) for one in self.any_name if one.provider.name not in have]
        return as_written(found)


class _Held:
    """Anything, hashed as the one it is; holding it keeps its identity from being used again."""

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.it is other.it


def index_of(snapshot: Snapshot) -> Index:
    """Made once for each snapshot; the last few are kept, as exchanges finish with the one they began with."""
    return _index(_Held(snapshot))


@lru_cache(maxsize=8)
def _index(held: _Held) -> Index:
    snapshot: Snapshot = held.it
    listings: dict[str, Listing] = {}
    exact: dict[str, list[Listing]] = {}
    globs: dict[str, dict[str, Listing]] = {}
    autos: dict[str, list[Contender]] = {}
    position = 0
    for name, provider in snapshot.providers.items():
        listing = listings[name] = listing_of(provider, position)
        position += len(provider.models) + 1
        for model in listing.exact:
            exact.setdefault(model, []).append(listing)
        for _, model_, _ in listing.globs:
            globs.setdefault(model_.name.partition("*")[0], {})[name] = listing
        for contender in listing.concrete():
            for family in contender.families:
                autos.setdefault(family, []).append(contender)
    return Index(
        snapshot=snapshot,
        routes={route.name: route for route in reversed(snapshot.routes)},
        listings=listings,
        exact={name: tuple(found) for name, found in exact.items()},
        globs={prefix: tuple(found.values()) for prefix, found in globs.items()},
        glob_lengths=tuple(sorted({len(prefix) for prefix in globs})),
        any_name=tuple(listing for listing in listings.values() if listing.takes_any),
        autos={family: tuple(as_written(found)) for family, found in autos.items()},
    )


# --- what a target's provider says of it -----------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _listing(held: _Held) -> Listing:
    return listing_of(held.it)


def entry_of(provider: Provider, model: str) -> Model | None:
    return _listing(_Held(provider)).entry(model)


def upstream(provider: Provider, model: str) -> str:
    """What the provider is told."""
    entry = entry_of(provider, model)
    return entry.upstream or model if entry else model


def price_of(provider: Provider, model: str) -> Price | None:
    entry = entry_of(provider, model)
    return entry.price if entry else None
