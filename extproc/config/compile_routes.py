"""Routes of the schema → of the snapshot.

Law: a route is for models, or for a service, or answered by Envoy itself, and no key of another kind is accepted and
ignored.
"""

import re
from collections.abc import Mapping

from extproc.config.compile_cors import route_cors
from extproc.config.compile_providers import check_name
from extproc.config.compile_services import ONLY_SERVICES, kind_of_route, refuse, without_models
from extproc.config.forms import HTTP_TOKEN
from extproc.config.problems import PathParts
from extproc.config.references import (
    Names,
    check_chain,
    check_classes,
    check_once,
    check_provider,
    strategy_named,
    target,
)
from extproc.config.report import Report
from extproc.config.schema import FailoverKeys, MatchKeys, RouteFailoverKeys, RouteKeys, ShadowKeys
from extproc.facts.normal_path import normal
from extproc.snapshot import ChainEntry, FailoverSpec, Match, PathMatch, Route, ShadowSpec

ONLY_MODELS = ("strategy", "provider", "model", "providers", "failover", "usage", "attend", "shadow")
_HOST = re.compile(r"^(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:[0-9]{1,5})?)$")
_NOT_RE2 = re.compile(r"\(\?(=|!|<=|<!|>|P=|\()|\\[1-9]|\(\?#")
_DEFAULT_ROUTE = "default"


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
    other = kind_of_route(keys, path, report)
    if other is not None:
        refuse(keys, ONLY_MODELS, path, f"does not go with `{other}`", report)
        return without_models(name, other, path, keys, match, names, report)
    refuse(keys, ONLY_SERVICES, path, "goes only with `service`", report)
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
        cors=route_cors(keys.cors, (*path, "cors"), report),
    )


def _shadow(written: str | ShadowKeys, path: PathParts, names: Names, report: Report) -> ShadowSpec | None:
    if isinstance(written, str):
        found = target(written, path, names, report)
        return ShadowSpec(found) if found is not None else None
    found = target(written.target, (*path, "target"), names, report)
    return ShadowSpec(found, written.share) if found is not None else None


def _match(keys: MatchKeys, path: PathParts, report: Report) -> Match:
    hosts = [keys.host] if isinstance(keys.host, str) else keys.host or []
    methods = [keys.method] if isinstance(keys.method, str) else keys.method or []
    for host in hosts:
        if not _HOST.match(host):
            report.add((*path, "host"), f"`{host}` is no host name", "example.com, or *.example.com for all below")
    for method in methods:
        if not HTTP_TOKEN.match(method):
            report.add((*path, "method"), f"`{method}` is no HTTP method")
    for name in keys.headers:
        if not HTTP_TOKEN.match(name):
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
        elif text is not None:
            _check_readable(text, (*path, key), report)
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


def _check_readable(text: str, path: PathParts, report: Report) -> None:
    """A path is read before it is matched, so one that is read as another would never be met, nor what it guards."""
    read = normal(text.replace("*", "x"))
    if read is None:
        report.add(path, "is met by no request: no path holds such a character", "write it as %20 and the like")
    elif read != text.replace("*", "x"):
        report.add(path, "is met by no request: paths are read before they are matched", "without //, /../ and %41")


def _check_regex(text: str, path: PathParts, report: Report) -> None:
    if _NOT_RE2.search(text):
        report.add(path, "holds a look-around or a back reference, which RE2 does not have")
        return
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        report.add(path, "is not a regular expression")


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
