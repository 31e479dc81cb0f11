"""Callers of the schema → of the snapshot: by which key or certificate each is known, and what it may use.

Law: whoever is written can be told from all others. A caller that could never be found, because another one takes its
requests, is a mistake.
"""

from extproc.config.credentials import key_hash_of
from extproc.config.problems import PathParts
from extproc.config.references import Names, check_provider, strategy_named
from extproc.config.report import Report
from extproc.config.schema import CallerKeys, ListenKeys
from extproc.facts.peer import is_covered
from extproc.snapshot import Caller

_KNOWN_BY = "write `key`, `hash` or `certificate`"


def compile_callers(
    callers: list[CallerKeys] | None, listen: ListenKeys, names: Names, report: Report
) -> tuple[Caller, ...]:
    if callers is not None and not callers:
        report.add(("callers",), "must not be empty", "leave it out to let only loopback call")
    found: dict[str, Caller] = {}
    for place, keys in enumerate(callers or ()):
        path: PathParts = ("callers", place)
        if path in report.broken:
            continue
        if not keys.name.strip():
            report.add((*path, "name"), "is empty")
        if keys.name in found:
            report.add((*path, "name"), f"another caller is called `{keys.name}`", "names are unique")
        made = _caller(keys, path, listen, names, report)
        _check_known_apart(made, keys, found, path, report)
        found[keys.name] = made
    return tuple(found.values())


def _caller(keys: CallerKeys, path: PathParts, listen: ListenKeys, names: Names, report: Report) -> Caller:
    for index, provider in enumerate(keys.providers):
        check_provider(provider, (*path, "providers", index), names, report)
    strategy = keys.strategy
    if strategy is not None:
        strategy = strategy_named(strategy, (*path, "strategy"), names, report)
    if keys.key is None and keys.hash is None and keys.certificate is None:
        report.add(path, "the caller has nothing to be known by", _KNOWN_BY)
    return Caller(
        name=keys.name,
        key_sha256=key_hash_of(keys, path, report),
        labels=dict(keys.labels),
        models=tuple(keys.models),
        providers=tuple(keys.providers),
        strategy=strategy,
        certificate=_patterns(keys, path, listen, report),
    )


def _patterns(keys: CallerKeys, path: PathParts, listen: ListenKeys, report: Report) -> tuple[str, ...]:
    if keys.certificate is None:
        return ()
    here = (*path, "certificate")
    patterns = [keys.certificate] if isinstance(keys.certificate, str) else keys.certificate
    if not patterns or not all(pattern.strip() for pattern in patterns):
        report.add(here, "must not be empty", "write a name in the certificate; `*` stands for any characters")
    elif (listen.tls is None or listen.tls.client_ca is None) and ("listen",) not in report.broken:
        report.add(here, "needs `listen.tls.client_ca`", "without it nobody is asked for a certificate")
    return tuple(patterns)


def _check_known_apart(
    made: Caller, keys: CallerKeys, others: dict[str, Caller], path: PathParts, report: Report
) -> None:
    if made.key_sha256 is not None:
        same = next((other.name for other in others.values() if other.key_sha256 == made.key_sha256), None)
        if same is not None:
            here: PathParts = (*path, "key" if keys.key is not None else "hash")
            report.add(here, f"the caller `{same}` has the same key", "keys are unique")
        return
    alone = [other for other in others.values() if other.key_sha256 is None]
    for pattern in made.certificate:
        first = next((one.name for one in alone for by in one.certificate if is_covered(pattern, by)), None)
        if first is not None:
            hint = "the first in the file is taken: put the narrower one above"
            report.add((*path, "certificate"), f"the caller `{first}` takes all that fits `{pattern}`", hint)
            return
