"""CORS: what scripts of other origins may do, checked and put into the form in which browsers say it.

Law: an origin is a scheme, a host and a port and nothing else, in lower case and without a port that is the scheme's
own, because that is what a browser sends and it is compared by its characters. `*` never stands beside credentials:
browsers refuse it, and any page of the web would act in the name of who looks at it.
"""

import re
from typing import Final

from extproc.config.forms import HTTP_TOKEN
from extproc.config.problems import PathParts, nearest
from extproc.config.report import Report
from extproc.config.schema import CorsKeys
from extproc.snapshot import ANYTHING, Cors

NONE: Final = "none"
_ORIGIN: Final = re.compile(
    r"^(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?P<host>(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}|\*))?$"
)
_OWN_PORTS: Final = {"http": "80", "https": "443"}
_EXAMPLES: Final = "https://app.example.com, https://*.example.com, http://localhost:* or `*`"


def route_cors(written: str | CorsKeys | None, path: PathParts, report: Report) -> Cors | None:
    """A route's own; None: as `listen.cors` says."""
    if isinstance(written, CorsKeys):
        return compile_cors(written, path, report)
    if written is not None and written != NONE:
        hint = nearest(written, [NONE]) or f"write {{origins: {written}}}" if "://" in written else ""
        report.add(path, "must be `none`, or a mapping of origins, methods, headers, …", hint)
    return Cors() if written is not None else None


def compile_cors(keys: CorsKeys, path: PathParts, report: Report) -> Cors:
    written = [keys.origins] if isinstance(keys.origins, str) else keys.origins
    if not written:
        report.add((*path, "origins"), "must not be empty", f"{_EXAMPLES}; leave `cors` out to allow none")
    origins = tuple(dict.fromkeys(_origin(text, (*path, "origins"), report) for text in written))
    if not keys.methods:
        report.add((*path, "methods"), "must not be empty", "leave it out for the usual ones")
    for key in ("methods", "headers", "expose"):
        _check_tokens(getattr(keys, key), (*path, key), report)
    if keys.credentials:
        _check_credentials(keys, origins, path, report)
    return Cors(
        origins=origins,
        methods=tuple(method.upper() for method in keys.methods),
        headers=tuple(name.lower() for name in keys.headers),
        expose=tuple(name.lower() for name in keys.expose),
        max_age=keys.max_age,
        credentials=keys.credentials,
    )


def _origin(text: str, path: PathParts, report: Report) -> str:
    if text == ANYTHING:
        return text
    found = _ORIGIN.match(text.lower())
    if found is None:
        report.add(path, f"`{text}` is no origin: {_why(text)}", _EXAMPLES)
        return text
    scheme, host, port = found["scheme"], found["host"], found["port"]
    return f"{scheme}://{host}" if port in (None, _OWN_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def _why(text: str) -> str:
    scheme, separator, behind = text.partition("://")
    if text == "null":
        return "a page of anybody's can call itself that"
    if not separator:
        return f"its scheme is missing, as in https://{text}"
    if not text.isascii():
        return "write its host as browsers do, in Punycode (xn--…)"
    if "/" in behind or "?" in behind or "#" in behind:
        return f"it ends where its path begins, as in {scheme}://{re.split('[/?#]', behind)[0]}"
    if "*" in behind:
        return "`*.` stands for what is below a host, and stands first"
    return "it is a scheme, a host and perhaps a port"


def _check_tokens(written: list[str], path: PathParts, report: Report) -> None:
    for text in written:
        if not HTTP_TOKEN.match(text):
            report.add(path, f"`{text}` is no {'method' if path[-1] == 'methods' else 'name of a header'}")


def _check_credentials(keys: CorsKeys, origins: tuple[str, ...], path: PathParts, report: Report) -> None:
    if ANYTHING in origins:
        report.add(
            (*path, "credentials"),
            "does not go with the origin `*`: any page of the web would act in the name of who looks at it",
            "name the origins, or leave credentials out; keys in headers need none",
        )
    for key in ("methods", "headers", "expose"):
        if ANYTHING in getattr(keys, key):
            report.add((*path, key), "`*` means nothing to browsers beside `credentials`", "name them")
