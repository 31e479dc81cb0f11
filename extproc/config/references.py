"""References: names that one part of a configuration says of another, and the targets that are written with them.

Law: a name is known when it is written anywhere in the document, also in an entry that has a mistake of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.config.document import Document
from extproc.config.kinds import KINDS, NEED_SETTINGS, OTHER_NAMES, kind_of
from extproc.config.problems import PathParts, nearest, nearest_or_all
from extproc.config.report import Report
from extproc.config.validate import names_of
from extproc.dialects.upstream_error import CLASSES
from extproc.snapshot import Target

ANY_MODEL = ""  # the model of a strategy's target that names only a provider: what was asked for


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that may be referred to."""

    providers: tuple[str, ...]
    services: tuple[str, ...]
    aliases: tuple[str, ...]
    strategies: tuple[str, ...]
    chains: tuple[str, ...]

    @staticmethod
    def of(document: Document) -> "Names":
        sections = ("providers",), ("services",), ("aliases",), ("strategies",), ("failover", "chains")
        return Names(*(tuple(names_of(document, *section)) for section in sections))


def check_provider(name: str, path: PathParts, names: Names, report: Report) -> bool:
    if name in names.providers:
        return True
    report.add(path, f"no provider is called `{name}`", nearest_or_all(name, names.providers, "provider"))
    return False


def check_service(name: str, path: PathParts, names: Names, report: Report) -> None:
    if name not in names.services:
        report.add(path, f"no service is called `{name}`", nearest_or_all(name, names.services, "service"))


def check_chain(name: str, path: PathParts, names: Names, report: Report) -> None:
    if name not in names.chains:
        report.add(path, f"no chain is called `{name}`", nearest_or_all(name, names.chains, "chain"))


def check_classes(written: Sequence[str], path: PathParts, report: Report) -> None:
    for place, name in enumerate(written):
        if name not in CLASSES:
            hint = nearest(name, CLASSES) or f"known: {', '.join(CLASSES)}"
            report.add((*path, place), f"no class of error is called `{name}`", hint)


def strategy_named(name: str, path: PathParts, names: Names, report: Report) -> str:
    """The key in `strategies`, or the kind, that a name of a strategy stands for."""
    for written in (name, name.replace("-", "_"), name.replace("_", "-")):
        if written in names.strategies:
            return written
    kind = kind_of(name)
    if kind is None:
        hint = nearest_or_all(name, (*names.strategies, *sorted(KINDS)), "strategy")
        report.add(path, f"no strategy, and no kind of strategy, is called `{name}`", hint)
        return name
    if kind in NEED_SETTINGS:
        hint = f"write a strategy with `kind: {kind}` and `{NEED_SETTINGS[kind]}`, and name that"
        report.add(path, f"`{kind}` is nothing without settings", hint)
    return kind


def kind_written(name: str, path: PathParts, report: Report) -> str:
    """The kind that a strategy's `kind` stands for."""
    kind = kind_of(name)
    if kind is None:
        report.add(path, f"no kind of strategy is called `{name}`", nearest_kind(name))
        return name
    return kind


def nearest_kind(name: str) -> str:
    return nearest(name, sorted(KINDS | OTHER_NAMES.keys())) or f"known: {', '.join(sorted(KINDS))}"


def target(text: str, path: PathParts, names: Names, report: Report) -> Target | None:
    """`provider/model`, split at the first slash."""
    provider, slash, model = text.partition("/")
    if not slash:
        if text in names.providers:
            report.add(path, f"`{text}` names a provider and no model", f"write {text}/MODEL")
        else:
            report.add(path, "must be written provider/model", nearest(text, names.providers))
        return None
    if not check_provider(provider, path, names, report):
        return None
    if not model:
        report.add(path, "names no model after the slash")
        return None
    return Target(provider, model)


def target_or_provider(text: str, path: PathParts, names: Names, report: Report) -> Target | None:
    if "/" in text:
        return target(text, path, names, report)
    return Target(text, ANY_MODEL) if check_provider(text, path, names, report) else None


def check_weights(weights: Mapping[Any, float | None], path: PathParts, report: Report, key: str = "") -> None:
    """Weights of one drawing: none below zero, and not all of them zero."""
    for name, weight in weights.items():
        if weight is not None and not 0 <= weight < float("inf"):
            here = (*path, name, key) if key else (*path, name)
            report.add(here, "must be zero or more, and finite")
    if weights and all(weight == 0 for weight in weights.values()):
        report.add(path, "all weights are zero, so nothing would ever be chosen")


def check_once(values: Iterable[str], path: PathParts, report: Report) -> None:
    seen: set[str] = set()
    for place, value in enumerate(values):
        if value in seen:
            report.add((*path, place), f"`{value}` stands twice", "keep one")
        seen.add(value)
