"""Routes of the schema → of the snapshot.

Law: a route is either for models or for a service, and no key of the other kind is accepted and ignored.
"""

import re
from collections.abc import Mapping

from extproc.config.compile_providers import check_name
from extproc.config.problems import PathParts
from extproc.config.references import (
    Names,
    check_chain,
    check_classes,
    check_once,
    check_provider,
    check_service,
    strategy_named,
    target,
)
from extproc.config.report import Report
from extproc.config.schema import FailoverKeys, MatchKeys, RouteFailoverKeys, RouteKeys, ShadowKeys
from extproc.snapshot import ChainEntry, FailoverSpec, Match, PathMatch, Rewrite, Route, ShadowSpec

ONLY_MODELS = ("strategy", "provider", "model", "providers", "failover", "usage", "attend", "shadow")
ONLY_SERVICES = ("rewrite", "timeout")
_HOST = re.compile(r"^(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)(:[0-9]{1,5})?$")
_NEW_HOST = re.compile(r"^[A-Za-z0-9_.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$")
_TOKEN = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_PLACE = re.compile(r"\$([0-9]+)")
_NOT_RE2 = re.compile(r"\(\?(=|!|<=|<!|>|P=|\()|\\[1-9]|\(\?#")
_DEFAULT_ROUTE = "default"
_MOST_PLACES = 9  # the data plane puts in one digit


def compile_routes(
    routes: list[RouteKeys] | None,
    failover: FailoverKeys,
    chains: Mapping[str, tuple[ChainEntry, ...]],
    names: Names,
    report: Report,
) -> tuple[Route, ...]:
    _check_first_byte(failover.first_byte_timeout, ("failover", "first_byte_timeout"), report)
    check_classes(failover.fallback_on, ("failover", "fallback_on"), report)
    if routes is None:
        return (Route(_DEFAULT_ROUTE, Match(), failover=_failover(None, failover, chains)),)
    if not routes:
        report.add(("routes",), "must not be empty", "leave it out to route all LLM paths")
    found: list[Route] = []
    taken: dict[str, int] = {}
    for place, keys in enumerate(routes):
        path: PathParts = ("routes", place)
        if path in report.broken:
            continue
        name = keys.name if keys.name is not None else _made_name(place, keys.match)
        check_name(name, (*path, "name"), report)
        if name in taken:
            report.add((*path, "name"), f"another route is called `{name}`", "names are unique")
        taken[name] = place
        found.append(_route(name, path, keys, failover, chains, names, report))
    return tuple(found)


def _route(
    name: str,
    path: PathParts,
    keys: RouteKeys,
    failover: FailoverKeys,
    chains: Mapping[str, tuple[ChainEntry, ...]],
    names: Names,
    report: Report,
) -> Route:
    match = _match(keys.match, (*path, "match"), report)
    if keys.service is not None:
        return _service_route(name, path, keys, match, names, report)
    _refuse(keys, ONLY_SERVICES, path, "goes only with `service`", report)
    if keys.when_down == "pass":
        report.add((*path, "when_down"), "`pass` goes only with `service`", "without the processor no target is chosen")
    if keys.provider is not None:
        check_provider(keys.provider, (*path, "provider"), names, report)
    for place, provider in enumerate(keys.providers or ()):
        check_provider(provider, (*path, "providers", place), names, report)
    if keys.providers is not None:
        check_once(keys.providers, (*path, "providers"), report)
        if not keys.providers:
            report.add((*path, "providers"), "must not be empty", "leave it out to allow all")
        elif keys.provider is not None and keys.provider not in keys.providers:
            report.add((*path, "provider"), f"`{keys.provider}` is not among the `providers` that the route allows")
    _check_failover(keys.failover, (*path, "failover"), names, report)
    strategy = keys.strategy
    return Route(
        name=name,
        match=match,
        strategy=strategy_named(strategy, (*path, "strategy"), names, report) if strategy is not None else None,
        provider=keys.provider,
        model=keys.model,
        providers=tuple(keys.providers or ()),
        failover=_failover(keys.failover, failover, chains),
        usage=keys.usage,
        attend=keys.attend,
        on_loss=keys.on_loss,
        shadow=_shadow(keys.shadow, (*path, "shadow"), names, report) if keys.shadow is not None else None,
    )


def _shadow(written: str | ShadowKeys, path: PathParts, names: Names, report: Report) -> ShadowSpec | None:
    if isinstance(written, str):
        found = target(written, path, names, report)
        return ShadowSpec(found) if found is not None else None
    found = target(written.target, (*path, "target"), names, report)
    return ShadowSpec(found, written.share) if found is not None else None


def _service_route(name: str, path: PathParts, keys: RouteKeys, match: Match, names: Names, report: Report) -> Route:
    if isinstance(keys.service, str):
        check_service(keys.service, (*path, "service"), names, report)
    else:
        message = "a list of services is known, and its feature (weighted services) has not landed in this version"
        report.add((*path, "service"), message, "name one service")
    _refuse(keys, ONLY_MODELS, path, "does not go with `service`", report)
    rewrite = keys.rewrite
    if rewrite is not None:
        _check_rewrite(rewrite.path, keys.match, (*path, "rewrite", "path"), report)
        if rewrite.host is not None and not _NEW_HOST.match(rewrite.host):
            report.add((*path, "rewrite", "host"), "must be a host name, with or without a port")
    return Route(
        name=name,
        match=match,
        kind="service",
        service=keys.service if isinstance(keys.service, str) else None,
        rewrite=Rewrite(rewrite.path, rewrite.host) if rewrite else Rewrite(),
        timeout=keys.timeout,
        when_down=keys.when_down,
    )


def _refuse(keys: RouteKeys, which: tuple[str, ...], path: PathParts, why: str, report: Report) -> None:
    for key in which:
        if key in keys.model_fields_set and getattr(keys, key) is not None:
            report.add((*path, key), why)


def _match(keys: MatchKeys, path: PathParts, report: Report) -> Match:
    hosts = [keys.host] if isinstance(keys.host, str) else keys.host or []
    methods = [keys.method] if isinstance(keys.method, str) else keys.method or []
    for host in hosts:
        if not _HOST.match(host):
            report.add((*path, "host"), f"`{host}` is no host name", "example.com, or *.example.com for all below")
    for method in methods:
        if not _TOKEN.match(method):
            report.add((*path, "method"), f"`{method}` is no HTTP method")
    for name in keys.headers:
        if not _TOKEN.match(name):
            report.add((*path, "headers", name), "is no name of a header")
    return Match(
        path=_path_match(keys, path, report),
        hosts=tuple(host.lower() for host in hosts),
        methods=tuple(method.upper() for method in methods),
        headers={name.lower(): value for name, value in keys.headers.items()},
        query=dict(keys.query),
    )


def _path_match(keys: MatchKeys, path: PathParts, report: Report) -> PathMatch:
    written = [key for key in ("path", "path_prefix", "path_regex") if getattr(keys, key) is not None]
    if len(written) > 1:
        report.add((*path, written[1]), f"stands beside `{written[0]}`", "keep one of them")
    for key in ("path", "path_prefix"):
        text = getattr(keys, key)
        if text is not None and not text.startswith("/"):
            report.add((*path, key), "must start with /")
        elif text is not None and ("?" in text or "#" in text):
            report.add((*path, key), "must hold no query", "write it as `query`")
    if keys.path is not None:
        return PathMatch("glob" if "*" in keys.path else "exact", keys.path)
    if keys.path_prefix is not None:
        if "*" in keys.path_prefix:
            report.add((*path, "path_prefix"), "holds a star", "globs are written as `path`")
        prefix = keys.path_prefix.rstrip("/")
        return PathMatch("prefix", prefix) if prefix else PathMatch("any")
    if keys.path_regex is not None:
        _check_regex(keys.path_regex, (*path, "path_regex"), report)
        return PathMatch("regex", keys.path_regex)
    return PathMatch("any")


def _check_regex(text: str, path: PathParts, report: Report) -> None:
    if _NOT_RE2.search(text):
        report.add(path, "holds a look-around or a back reference, which RE2 does not have")
        return
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        report.add(path, "is not a regular expression")


def _groups(text: str) -> int:
    try:
        return re.compile(text).groups
    except (re.error, OverflowError, RecursionError):
        return _MOST_PLACES  # the expression's own mistake has been said


def _check_rewrite(text: str | None, match: MatchKeys, path: PathParts, report: Report) -> None:
    if text is None:
        return
    if not text.startswith("/"):
        report.add(path, "must start with /")
    if "?" in text or "#" in text:
        report.add(path, "must hold no query", "the caller's query is kept")
    stars, what = (match.path or "").count("*"), "star"
    if match.path_regex is not None:
        stars, what = _groups(match.path_regex), "group"
    for number in sorted({int(found) for found in _PLACE.findall(text)}):
        if not 1 <= number <= min(stars, _MOST_PLACES):
            have = f"no {what}" if stars == 0 else f"one {what}" if stars == 1 else f"{stars} {what}s"
            report.add(path, f"`${number}` has no {what} to stand for", f"the match has {have}")


def _check_failover(keys: str | RouteFailoverKeys | None, path: PathParts, names: Names, report: Report) -> None:
    if isinstance(keys, str):
        check_chain(keys, path, names, report)
    elif keys is not None:
        if keys.chain is not None:
            check_chain(keys.chain, (*path, "chain"), names, report)
        _check_first_byte(keys.first_byte_timeout, (*path, "first_byte_timeout"), report)
        check_classes(keys.fallback_on or (), (*path, "fallback_on"), report)


def _check_first_byte(value: float | None, path: PathParts, report: Report) -> None:
    if value is not None and value <= 0:
        report.add(path, "must be longer than nothing")


def _failover(
    keys: str | RouteFailoverKeys | None, base: FailoverKeys, chains: Mapping[str, tuple[ChainEntry, ...]]
) -> FailoverSpec:
    """A route's own settings over those of `failover`."""
    own = RouteFailoverKeys(chain=keys) if isinstance(keys, str) else keys or RouteFailoverKeys()
    first_byte = base.first_byte_timeout if own.first_byte_timeout is None else own.first_byte_timeout
    return FailoverSpec(
        max_attempts=int(base.max_attempts if own.max_attempts is None else own.max_attempts),
        first_byte_timeout=first_byte,
        first_event=base.first_event if own.first_event is None else own.first_event,
        fallback_on=frozenset(base.fallback_on if own.fallback_on is None else own.fallback_on),
        chain=chains.get(own.chain or "", ()),
    )


def _made_name(place: int, match: MatchKeys) -> str:
    """A name from the route's place and path: `2-billing`."""
    path = match.path or match.path_prefix or match.path_regex or ""
    words = re.findall(r"[A-Za-z0-9_.]+", path)
    return "-".join([str(place + 1), *words[:4]])
