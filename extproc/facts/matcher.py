"""Which of Envoy's routes a request would take: the matcher of `explain`.

Law: it goes along the same list as the data plane (`routes.entries`) and reads a request as Envoy does: the path as
Envoy has normalised it (`normal_path`), header names in lower case, of a header that was sent several times any one
value, query parameters undecoded and the first of a name. A test holds it against a real Envoy, over random routes and
requests.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from extproc.facts.routes import Entry
from extproc.snapshot import Match

PRESENT = "*"  # as a value: the header or parameter must be there
# Of these Envoy makes one value, with commas, as soon as it reads them.
JOINED = frozenset(
    {
        *("accept", "accept-encoding", "authorization", "cache-control", "content-encoding", "content-type"),
        *("access-control-request-headers", "access-control-request-method", "access-control-request-private-network"),
        *("expect", "grpc-accept-encoding", "grpc-timeout", "origin", "pragma", "referer", "user-agent", "via"),
        *("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"),
        *("x-client-trace-id", "x-forwarded-host", "x-forwarded-port"),
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as routes look at it."""

    method: str
    path: str  # with the query
    host: str = ""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)  # all values of a name


def find(entries: Iterable[Entry], asked: Asked) -> Entry | None:
    """The first entry that the request matches; None: 404."""
    path, _, query = asked.path.partition("?")
    parameters = _first_values(query)
    for entry in entries:
        if (
            all(test.holds(path) for test in entry.tests)
            and (not entry.methods or asked.method in entry.methods)
            and _match_holds(entry.route.match, asked, parameters)
        ):
            return entry
    return None


def _match_holds(match: Match, asked: Asked, parameters: Mapping[str, str]) -> bool:
    return (
        (not match.methods or asked.method in match.methods)
        and (not match.hosts or any(host_holds(pattern, asked.host) for pattern in match.hosts))
        and all(_header_holds(name.lower(), value, asked) for name, value in match.headers.items())
        and _all_hold(match.query, parameters)
    )


def host_holds(pattern: str, authority: str) -> bool:
    """In any case, and without the port unless the pattern has one; `*.example.com` is everything below, and not
    example.com itself."""
    pattern = pattern.lower()
    host = (authority if has_port(pattern) else without_port(authority)).lower()
    if pattern == PRESENT:
        return True
    if pattern.startswith("*."):
        return len(host) > len(pattern) - 1 and host.endswith(pattern[1:])
    return host == pattern


def has_port(host: str) -> bool:
    return without_port(host) != host


def without_port(authority: str) -> str:
    host, colon, port = authority.rpartition(":")
    return host if colon and port.isascii() and port.isdigit() else authority


def _header_holds(name: str, wanted: str, asked: Asked) -> bool:
    values = asked.headers.get(name, ())
    if name in JOINED and values:
        values = (",".join(filter(None, values)),)
    return bool(values) and (wanted == PRESENT or wanted in values)


def _all_hold(wanted: Mapping[str, str], present: Mapping[str, str]) -> bool:
    return all(name in present and value in (PRESENT, present[name]) for name, value in wanted.items())


def _first_values(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if pair:
            values.setdefault(name, value)
    return values
