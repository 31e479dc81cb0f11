"""Models of PaLM's days, which Google serves no more, and which one of today answers in their place.

Law: only names stand here that get no answer any more, each with a successor that the shipped table knows. The caller
and the operator are told; whoever wants another successor writes it as the model's `upstream`.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Final

from extproc.config import tables
from extproc.config.globs import is_under
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.snapshot import Model, Snapshot, Target

AS_OF: Final = "2026-11-24"
SOURCE: Final = "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
SUCCESSORS: Final = {
    "text-bison*": "gemini-3.5-flash",
    "text-unicorn*": "gemini-3.5-flash",
    "chat-bison*": "gemini-3.5-flash",
    "code-bison*": "gemini-3.5-flash",
    "code-gecko*": "gemini-3.5-flash",
    "codechat-bison*": "gemini-3.5-flash",
    "textembedding-gecko*": "gemini-embedding-001",
    "embedding-gecko*": "gemini-embedding-001",
}
_DIALECTS: Final = frozenset({"gemini", "vertex"})


def successor(dialect: str, name: str) -> str | None:
    """Which model answers for this one; None: it is not retired."""
    if dialect not in _DIALECTS:
        return None
    return next((model for glob, model in SUCCESSORS.items() if is_under(name, glob)), None)


def notice(name: str, model: str) -> str:
    return f"{name} is retired; {model} answers"


@cache
def retired_models(dialect: str) -> tuple[Model, ...]:
    """All of them as globs, with the facts of what answers."""
    if dialect not in _DIALECTS:
        return ()
    return tuple(_model(dialect, glob, model) for glob, model in SUCCESSORS.items())


def _model(dialect: str, glob: str, upstream: str) -> Model:
    facts = tables.look_up(dialect, upstream) or Model(upstream)
    return replace(facts, name=glob, upstream=upstream, by_glob=True, notice=notice(glob.removesuffix("*"), upstream))


def note_retired(snapshot: Snapshot, report: Report) -> None:
    """Tells the operator of every retired name that the document writes."""
    for place, target in _written(snapshot):
        provider = snapshot.providers.get(target.provider)
        if provider is None:
            continue
        listed = next((model for model in provider.models if model.name == target.model), None)
        if listed is not None:
            if listed.notice:
                report.note(place, listed.notice)
        elif model := successor(provider.dialect, target.model):
            report.note(place, notice(target.model, model))


def _written(snapshot: Snapshot) -> Iterator[tuple[PathParts, Target]]:
    for name, provider in snapshot.providers.items():
        for model in provider.models:
            if not model.by_glob:
                yield ("providers", name, "models"), Target(name, model.name)
    for alias, targets in snapshot.aliases.items():
        for target in targets:
            yield ("aliases", alias), target
    for strategy in snapshot.strategies.values():
        for target in strategy.targets:
            yield ("strategies", strategy.name, "targets"), target
        if strategy.rollout is not None:
            for target in strategy.rollout.stable:
                yield ("strategies", strategy.name, "stable"), target
            for target in strategy.rollout.canary:
                yield ("strategies", strategy.name, "canary"), target
    for place, route in enumerate(snapshot.routes):
        if route.shadow is not None:
            yield ("routes", place, "shadow"), route.shadow.target
        for entry in route.failover.chain:
            if entry.model:
                yield ("failover", "chains"), Target(entry.provider, entry.model)
