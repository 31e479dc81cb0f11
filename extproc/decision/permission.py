"""Who may use what: the providers of a route, the providers and models of a caller.

Law: an empty list allows all; the entries of a caller's are globs, those of models over the model's own name and
`provider/model`. An alias that the caller's list spells out stands for its targets; a glob that happens to fit it does
not.
"""

from extproc.decision.patterns import any_matches
from extproc.facts.request import CallerFacts
from extproc.snapshot import Route, Target


def on_route(route: Route, provider: str) -> bool:
    return not route.providers or provider in route.providers


def may_use_provider(caller: CallerFacts, provider: str) -> bool:
    return not caller.providers or any_matches(caller.providers, provider)


def may_use_model(caller: CallerFacts, target: Target, alias: str | None = None) -> bool:
    """`alias`: what was asked for, if it is one."""
    models = caller.models
    if not models or (alias is not None and alias in models):
        return True
    return any_matches(models, target.model, str(target))
