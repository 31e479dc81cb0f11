"""One decision's arguments, looked up once: the route, the strategy, and who may use what.

Law: what is wrong with the question itself is refused here: a route, strategy or provider that does not exist, or a
provider that this caller or this route may not use.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.lookup import AUTO, Index, index_of
from extproc.decision.nearest import hint, shown
from extproc.decision.permission import may_use_model, may_use_provider, on_route
from extproc.decision.plan import Observations
from extproc.decision.strategies import DEFAULT, Strategy, find_strategy, names_of_strategies
from extproc.facts.request import Facts
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Route, Snapshot, StrategySpec

MOST_NAMES: Final = 5000  # names that are looked through for those like the one asked for


@dataclass(frozen=True, slots=True)
class Question:
    facts: Facts
    index: Index
    route: Route
    spec: StrategySpec
    strategy: Strategy
    strategy_named: bool  # by the request, the caller or the route: then it goes before the route's chain
    name: str | None  # the model or alias asked for; None: whatever the route allows
    provider: str | None
    observations: Observations
    now: float
    draw: float

    @property
    def snapshot(self) -> Snapshot:
        return self.index.snapshot

    @property
    def alias(self) -> str | None:
        return self.name if self.name in self.snapshot.aliases else None

    def provider_allowed(self, provider: str) -> bool:
        return on_route(self.route, provider) and may_use_provider(self.facts.caller, provider)

    def caller_may_use(self, contender: Contender) -> bool:
        caller, target = self.facts.caller, contender.target
        return may_use_provider(caller, target.provider) and may_use_model(caller, target, self.alias)

    def usable(self, contender: Contender) -> bool:
        return (
            self.facts.family in contender.families
            and on_route(self.route, contender.provider.name)
            and self.caller_may_use(contender)
        )

    def usable_names(self) -> Iterator[str]:
        """What this caller could ask for instead, spelled as the question was: with or without a provider."""
        return islice(self._usable_names(), MOST_NAMES)

    def _usable_names(self) -> Iterator[str]:
        head = (self.name or "").partition("/")[0]
        asked = self.provider or (head if head in self.index.listings else None)
        if asked is not None:
            prefix = "" if self.provider else f"{asked}/"
            for contender in self.index.listings[asked].concrete():
                if self.usable(contender):
                    yield prefix + contender.target.model
        if self.provider is not None:
            return
        caller = self.facts.caller
        for alias, targets in self.snapshot.aliases.items():
            if any(self.provider_allowed(one.provider) and may_use_model(caller, one, alias) for one in targets):
                yield alias
        for contender in self.index.autos.get(self.facts.family, ()):
            if self.usable(contender):
                yield contender.target.model


def question_of(
    facts: Facts, snapshot: Snapshot, observations: Observations, now: float, draw: float
) -> Question | Refusal:
    index = index_of(snapshot)
    route = index.routes.get(facts.route)
    if route is None:
        return Refusal(Reason.ROUTE_NOT_FOUND, f"no route is called {shown(facts.route)}")
    wanted = facts.strategy or facts.caller.strategy or route.strategy
    name = wanted or (DEFAULT if DEFAULT in snapshot.strategies else "ordered")
    found = find_strategy(name, snapshot.strategies)
    if found is None:
        return unknown_strategy(name, snapshot)
    model, provider = _asked(facts, route, index)
    question = Question(
        facts=facts,
        index=index,
        route=route,
        spec=found[0],
        strategy=found[1],
        strategy_named=bool(wanted),
        name=model,
        provider=provider or None,
        observations=observations,
        now=now,
        draw=draw,
    )
    return _provider_refused(question) or question


def _asked(facts: Facts, route: Route, index: Index) -> tuple[str | None, str | None]:
    """(name, provider). A route's provider is for requests that name none, in whatever way."""
    name = facts.model or None
    alias = name is not None and name in index.snapshot.aliases
    if name == AUTO and not alias:
        name = None
    if facts.provider or alias or name is None:
        return name, facts.provider or (None if alias else route.provider)
    split = index.split(name)
    if split is not None and all(one.target == split.target for one in index.listed(name)):
        return split.target.model, split.provider.name
    return name, route.provider


def _provider_refused(question: Question) -> Refusal | None:
    provider = question.provider
    if provider is None:
        return None
    if provider not in question.index.listings:
        usable = (one for one in question.index.listings if question.provider_allowed(one))
        message = f"no provider is called {shown(provider)}{hint(provider, usable)}"
        return Refusal(Reason.UNKNOWN_PROVIDER, message, param="provider")
    if not on_route(question.route, provider):
        return Refusal(Reason.MODEL_NOT_ALLOWED, f"this route does not allow provider {provider}", param="provider")
    if not may_use_provider(question.facts.caller, provider):
        return Refusal(Reason.MODEL_NOT_ALLOWED, f"this caller may not use provider {provider}", param="provider")
    return None


def unknown_strategy(name: str, snapshot: Snapshot) -> Refusal:
    message = f"no strategy is called {shown(name)}{hint(name, names_of_strategies(snapshot.strategies))}"
    return Refusal(Reason.UNKNOWN_STRATEGY, message, param="routing_strategy")
