"""Aliases and chains of the schema → of the snapshot."""

from collections.abc import Mapping

from extproc.config.problems import PathParts
from extproc.config.references import (
    Names,
    check_once,
    check_provider,
    check_weights,
    target,
)
from extproc.config.report import Report
from extproc.config.schema import AliasKeys, ChainEntryKeys
from extproc.snapshot import ChainEntry, Target


def compile_alias(name: str, written: list[str] | AliasKeys | str, names: Names, report: Report) -> tuple[Target, ...]:
    path: PathParts = ("aliases", name)
    if not name.strip() or name == "auto":
        report.add(path, "cannot be an alias", "`auto` stands for all models" if name == "auto" else "")
    if isinstance(written, AliasKeys):
        return _alias_in_words(name, written, names, report)
    texts = [written] if isinstance(written, str) else written
    if not texts:
        report.add(path, "must not be empty", "an alias stands for at least one provider/model")
    places: list[PathParts] = [path] if isinstance(written, str) else [(*path, place) for place in range(len(texts))]
    check_once(texts, path, report)
    found = [_alias_target(text, place, names, report) for text, place in zip(texts, places, strict=True)]
    return tuple(one for one in found if one is not None)


def _alias_in_words(name: str, keys: AliasKeys, names: Names, report: Report) -> tuple[Target, ...]:
    path: PathParts = ("aliases", name)
    model = keys.model or name
    found = [_provider_or_target(keys.provider, model, (*path, "provider"), names, report)]
    fallback = [keys.fallback] if isinstance(keys.fallback, str) else keys.fallback or []
    for place, text in enumerate(fallback):
        here: PathParts = (*path, "fallback") if isinstance(keys.fallback, str) else (*path, "fallback", place)
        found.append(_provider_or_target(text, model, here, names, report))
    targets = [one for one in found if one is not None]
    if len(set(targets)) < len(targets):
        report.add((*path, "fallback"), "names a target that the alias already has")
    return tuple(targets)


def _provider_or_target(text: str, model: str, path: PathParts, names: Names, report: Report) -> Target | None:
    if "/" in text:
        return _alias_target(text, path, names, report)
    if text not in names.providers and text in names.aliases:
        return _alias_target(text, path, names, report)
    return Target(text, model) if check_provider(text, path, names, report) else None


def _alias_target(text: str, path: PathParts, names: Names, report: Report) -> Target | None:
    if text in names.aliases and text.partition("/")[0] not in names.providers:
        report.add(path, f"`{text}` is an alias, and aliases hold no aliases", "write its targets as provider/model")
        return None
    return target(text, path, names, report)


def compile_chain(name: str, entries: list[ChainEntryKeys], names: Names, report: Report) -> tuple[ChainEntry, ...]:
    path: PathParts = ("failover", "chains", name)
    if not entries:
        report.add(path, "must not be empty")
    for place, entry in enumerate(entries):
        check_provider(entry.provider, (*path, place, "provider"), names, report)
    check_weights({place: entry.weight for place, entry in enumerate(entries)}, path, report, "weight")
    return tuple(
        ChainEntry(entry.provider, entry.model, None if entry.weight is None else float(entry.weight))
        for entry in entries
    )


def compile_aliases(
    aliases: Mapping[str, list[str] | AliasKeys | str], names: Names, report: Report
) -> dict[str, tuple[Target, ...]]:
    return {name: compile_alias(name, written, names, report) for name, written in aliases.items()}
