"""Routes without models: to services, and those that Envoy answers itself by a redirect or a direct response.

Law: exactly one of `service`, `redirect` and `respond` makes such a route, and only the keys that mean something there
are taken.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from extproc.config.compile_cors import route_cors
from extproc.config.forms import HTTP_TOKEN
from extproc.config.problems import PathParts
from extproc.config.references import Names, check_service
from extproc.config.report import Report
from extproc.config.schema import MatchKeys, MirrorKeys, RedirectKeys, RespondKeys, RewriteKeys, RouteKeys
from extproc.snapshot import LARGEST_ANSWER, Match, Mirror, Redirect, Respond, Rewrite, Route, ServiceShare

MAKERS: Final = ("service", "redirect", "respond")
ONLY_SERVICES: Final = ("rewrite", "timeout", "mirror")
_NEW_HOST: Final = re.compile(r"^[A-Za-z0-9_.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*\Z")
_PLACE: Final = re.compile(r"\$([0-9]+)")
_MOST_PLACES: Final = 9  # the data plane puts in one digit
_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "upgrade"})


def kind_of_route(keys: RouteKeys, path: PathParts, report: Report) -> str | None:
    """Which key makes it a route without models; None: it is one for models."""
    written = [key for key in MAKERS if getattr(keys, key) is not None]
    for key in written[1:]:
        report.add((*path, key), f"stands beside `{written[0]}`", "keep one of them")
    return written[0] if written else None


def without_models(
    name: str, maker: str, path: PathParts, keys: RouteKeys, match: Match, names: Names, report: Report
) -> Route:
    if maker == "service":
        return _to_service(name, path, keys, match, names, report)
    refuse(keys, ONLY_SERVICES, path, "goes only with `service`", report)
    if keys.when_down == "pass":
        report.add((*path, "when_down"), f"does not go with `{maker}`", "the processor is not asked there")
    return Route(
        name=name,
        match=match,
        kind="answer",
        redirect=_redirect(keys.redirect, keys.match, (*path, "redirect"), report) if maker == "redirect" else None,
        respond=_respond(keys.respond, (*path, "respond"), report) if maker == "respond" else None,
        cors=route_cors(keys.cors, (*path, "cors"), report),
    )


def refuse(keys: RouteKeys, which: tuple[str, ...], path: PathParts, why: str, report: Report) -> None:
    for key in which:
        if key in keys.model_fields_set and getattr(keys, key) is not None:
            report.add((*path, key), why)


def _to_service(name: str, path: PathParts, keys: RouteKeys, match: Match, names: Names, report: Report) -> Route:
    return Route(
        name=name,
        match=match,
        kind="service",
        services=_services(keys, (*path, "service"), names, report),
        mirror=_mirror(keys.mirror, (*path, "mirror"), names, report),
        rewrite=_rewrite(keys.rewrite, keys.match, (*path, "rewrite"), report),
        timeout=keys.timeout,
        when_down=keys.when_down,
        cors=route_cors(keys.cors, (*path, "cors"), report),
    )


def _services(keys: RouteKeys, path: PathParts, names: Names, report: Report) -> tuple[ServiceShare, ...]:
    """Those that are ever chosen; a weight of 0 takes one out for a while without forgetting it."""
    written = keys.service
    if isinstance(written, str):
        check_service(written, path, names, report)
        return (ServiceShare(written),)
    seen: set[str] = set()
    for place, share in enumerate(written or ()):
        check_service(share.service, (*path, place, "service"), names, report)
        if share.service in seen:
            report.add((*path, place, "service"), f"`{share.service}` stands twice", "keep one")
        seen.add(share.service)
    shares = tuple(ServiceShare(share.service, int(share.weight)) for share in written or () if share.weight)
    if not shares:
        report.add(path, "all weights are zero, so nothing would ever be chosen")
    return shares


def _mirror(written: str | MirrorKeys | None, path: PathParts, names: Names, report: Report) -> Mirror | None:
    if written is None:
        return None
    keys = MirrorKeys(service=written) if isinstance(written, str) else written
    check_service(keys.service, path if isinstance(written, str) else (*path, "service"), names, report)
    return Mirror(keys.service, keys.share)


# --- what is told instead --------------------------------------------------------------------------------------------


def _rewrite(keys: RewriteKeys | None, match: MatchKeys, path: PathParts, report: Report) -> Rewrite:
    if keys is None:
        return Rewrite()
    _check_path(keys.path, match, (*path, "path"), report)
    if keys.host is not None and not _NEW_HOST.match(keys.host):
        report.add((*path, "host"), "must be a host name, with or without a port")
    _check_headers(keys.headers, (*path, "headers"), report)
    _check_headers(keys.answer_headers, (*path, "answer_headers"), report)
    _check_names(keys.remove_headers, (*path, "remove_headers"), report)
    _check_names(keys.remove_answer_headers, (*path, "remove_answer_headers"), report)
    return Rewrite(
        path=keys.path,
        host=keys.host,
        headers=_lowered(keys.headers),
        remove_headers=tuple(name.lower() for name in keys.remove_headers),
        answer_headers=_lowered(keys.answer_headers),
        remove_answer_headers=tuple(name.lower() for name in keys.remove_answer_headers),
    )


def _redirect(written: str | RedirectKeys | None, match: MatchKeys, path: PathParts, report: Report) -> Redirect:
    keys = _place(written, path, report) if isinstance(written, str) else written or RedirectKeys()
    here = path if isinstance(written, str) else (*path, "path")
    _check_path(keys.path, match, here, report)
    if keys.host is not None and not _NEW_HOST.match(keys.host):
        report.add(path if isinstance(written, str) else (*path, "host"), "must be a host name")
    if all(value is None for value in (keys.scheme, keys.host, keys.port, keys.path)):
        report.add(path, "leads to where the caller is", "write a scheme, a host, a port or a path")
    port = None if keys.port is None else int(keys.port)
    return Redirect(keys.status, keys.scheme, keys.host, port, keys.path, keys.keep_query)


def _place(text: str, path: PathParts, report: Report) -> RedirectKeys:
    """`/path`, or `https://host:port/path`."""
    if text.startswith("/") and not text.startswith("//"):
        return RedirectKeys(path=text)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    if url.scheme not in ("http", "https") or not url.hostname:
        report.add(path, "must be a path or a URL", "/new/$1, or https://example.com/new")
        return RedirectKeys(path="/")
    if url.query or url.fragment:
        report.add(path, "must hold no query", "the caller's query is kept")
    scheme = "https" if url.scheme == "https" else "http"
    return RedirectKeys(scheme=scheme, host=url.hostname, port=port, path=url.path or None)


def _respond(keys: RespondKeys | None, path: PathParts, report: Report) -> Respond:
    assert keys is not None
    if len(keys.body.encode()) > LARGEST_ANSWER:
        report.add((*path, "body"), "is larger than 64 KiB", "serve it from a service")
    if keys.body and keys.status in (204, 205, 304):
        report.add((*path, "body"), f"a {int(keys.status)} has no body")
    _check_headers(keys.headers, (*path, "headers"), report)
    headers = _lowered(keys.headers)
    if keys.body:
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    return Respond(int(keys.status), keys.body, headers)


def _lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _check_headers(headers: dict[str, str], path: PathParts, report: Report) -> None:
    _check_names(list(headers), path, report)
    for name, value in headers.items():
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            report.add((*path, name), "holds a line break or another control character")


def _check_names(headers: list[str], path: PathParts, report: Report) -> None:
    for name in headers:
        lower = name.lower()
        if not HTTP_TOKEN.match(name):
            report.add(path, f"`{name}` is no name of a header")
        elif lower in _FRAMING or lower.startswith(("x-extproc-", "x-envoy-")):
            report.add(path, f"`{name}` is not a route's to change", "the host is rewritten by `host`")


def _groups(text: str) -> int:
    try:
        return re.compile(text).groups
    except (re.error, OverflowError, RecursionError):
        return _MOST_PLACES  # the expression's own mistake has been said


def _check_path(text: str | None, match: MatchKeys, path: PathParts, report: Report) -> None:
    if text is None:
        return
    if not text.startswith("/"):
        report.add(path, "must start with /")
    if "?" in text or "#" in text:
        report.add(path, "must hold no query", "the caller's query is kept")
    if not _PRINTABLE.match(text):
        report.add(path, "holds a space or another character that no path may hold", "write it as %20 and the like")
    stars, what = (match.path or "").count("*"), "star"
    if match.path_regex is not None:
        stars, what = _groups(match.path_regex), "group"
    for number in sorted({int(found) for found in _PLACE.findall(text)}):
        if not 1 <= number <= min(stars, _MOST_PLACES):
            have = f"no {what}" if stars == 0 else f"one {what}" if stars == 1 else f"{stars} {what}s"
            report.add(path, f"`${number}` has no {what} to stand for", f"the match has {have}")
