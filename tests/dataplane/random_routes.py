"""Random routes, and requests that are near to what they match: each value comes from one generator of numbers.

Law: routes are written as an operator writes them and go through the configuration's own code; a request begins as one
that some route matches and is then changed a little, because what is wholly random matches nothing.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from extproc.config.load import load_document
from extproc.snapshot import Snapshot

Routes = list[dict[str, Any]]  # as they are written
WORDS = (
    "a",
    "b",
    "api",
    "v1",
    "v2",
    "chat",
    "completions",
    "models",
    "audio",
    "speech",
    "x.y",
    "a-b",
    "A",
    "~u",
    "a+b",
)
LLM = (
    "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/audio/speech",
    "/v1/audio/transcriptions", "/v1/models", "/v1/models/m", "/v1/images/generations", "/v1/nothing", "/v1/health",
    "/v1/files", "/v1/files/f/content", "/v1/batches", "/v1/batches/b/cancel", "/v1/uploads", "/v1/uploads/u/parts",
    "/v1/realtime", "/v1/health/providers", "/v1/ready",
)  # fmt: skip
HOSTS = ("a.example", "b.example", "api.b.example", "example", "localhost", "127.0.0.1", "x-y.example")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
NAMES = ("x-tier", "x-team", "accept", "x-a")
VALUES = ("gold", "Gold", "1", "", "a b", "a,b", "a", "b", " a")
PARAMETERS = ("a", "b", "q", "A", "a.b")
QUERY_VALUES = ("1", "2", "", "x+y", "%31", "a=b", "%c3%a9")
REGEXES = (
    "/users/[0-9]+", "/(a|b)/.*", "/v1/(chat|images)/.*", "/v1/audio/[a-z]+", "/[a-z]{2,4}", "/api(/v[0-9]+)?/x",
    "/v1/.*ons", "(?i)/shop/.*", "/a\\.b/\\d+", "^/v1/models/.*$", "/.*/x",
)  # fmt: skip
NEAR_REGEXES = (
    "/users/12", "/users/x", "/a/b", "/v1/chat/completions", "/v1/audio/speech", "/abc", "/api/v3/x", "/SHOP/a",
    "/a.b/12", "/v1/models/m/n", "/a/b/x", "/chat/completions", "/images/generations", "/audio/speech",
)  # fmt: skip
# behind a path: escapes that mean something, nothing or no escape, and what no path may hold
ENDS = ("%20", "%zz", "%", ";v=1", "%3F", "\u00e9", "%c3%a9", "|", "~", "%7e", "#", "/..;x", "{a}")


@dataclass
class Sent:
    """A request as it is written to the wire."""

    method: str
    path: str
    host: str
    headers: list[tuple[str, str]] = field(default_factory=list)

    def wire(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def read(self) -> dict[str, list[str]]:
        """Its headers as Envoy has them: names in lower case, each with all of its values."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name.lower(), []).append(value.strip())
        return found


def random_routes(dice: Random) -> Routes:
    return [route(dice, number) for number in range(dice.randint(2, 8))]


def compiled(routes: Routes) -> Snapshot:
    document = {
        "providers": {"lab": {"dialect": "openai", "base_url": "http://127.0.0.1:9/v1", "models": ["m"]}},
        "services": {"shop": {"endpoints": ["http://127.0.0.1:9"]}},
        "routes": routes,
    }
    loaded = load_document(document, "random")
    assert loaded.compiled is not None, ([str(problem) for problem in loaded.problems], routes)
    return loaded.compiled.snapshot


def route(dice: Random, number: int) -> dict[str, Any]:
    match: dict[str, Any] = dict(_path(dice))
    if dice.random() < 0.25:
        match["host"] = [_host_pattern(dice) for _ in range(dice.randint(1, 2))]
    if dice.random() < 0.25:
        match["method"] = dice.sample(METHODS, dice.randint(1, 3))
    if dice.random() < 0.25:
        chosen = dice.sample(NAMES, dice.randint(1, 2))
        match["headers"] = {_case(dice, name): dice.choice(("*", *VALUES)) for name in chosen}
    if dice.random() < 0.25:
        chosen = dice.sample(PARAMETERS, dice.randint(1, 2))
        match["query"] = {name: dice.choice(("*", *QUERY_VALUES)) for name in chosen}
    kind: dict[str, Any] = dice.choice(({}, {}, {"service": "shop"}, {"respond": {"status": 200}}))
    return {"name": f"r{number}", "match": match, **kind}


def _path(dice: Random) -> dict[str, str]:
    kind = dice.choice(("any", "exact", "exact", "prefix", "prefix", "glob", "glob", "glob", "regex"))
    if kind == "any":
        return {}
    if kind == "regex":
        return {"path_regex": dice.choice(REGEXES)}
    if dice.random() < 0.4:
        path = dice.choice(LLM)
        path = path.removeprefix("/v1") if dice.random() < 0.3 else path
    else:
        path = "".join(f"/{dice.choice(WORDS)}" for _ in range(dice.randint(1, 3)))
    if kind == "prefix":
        cut = path[: path.rfind("/")] or path
        return {"path_prefix": dice.choice((path, cut, f"{cut}/"))}
    if kind == "exact":
        return {"path": dice.choice((path, path, f"{path}/"))}
    for _ in range(dice.randint(1, 2)):
        at = dice.randint(1, len(path))
        path = path[:at] + "*" + path[min(len(path), at + dice.randint(0, 4)) :]
    return {"path": path}


def _host_pattern(dice: Random) -> str:
    return _case(dice, dice.choice((*HOSTS, "*.example", "*.b.example", "*", "a.example:8443", "*.example:80")))


def _case(dice: Random, text: str) -> str:
    return "".join(letter.upper() if dice.random() < 0.2 else letter for letter in text)


# --- requests --------------------------------------------------------------------------------------------------------


def request(dice: Random, routes: Routes) -> Sent:
    """Near to what one of the routes matches."""
    match = dice.choice(routes)["match"]
    method = dice.choice(match.get("method", METHODS)) if dice.random() < 0.8 else dice.choice(METHODS)
    path = _changed(dice, _some_path(dice, match)) + _some_query(dice, match.get("query", {}))
    return Sent(method, path, _some_host(dice, match.get("host")), _some_headers(dice, match.get("headers", {})))


def _some_path(dice: Random, match: dict[str, Any]) -> str:
    if dice.random() < 0.15:
        return dice.choice(LLM)
    if "path" in match:
        return "".join(_filling(dice) if part == "*" else part for part in match["path"])
    if "path_prefix" in match:
        return str(match["path_prefix"]) + dice.choice(("", "/", "/a", "/a/b", "a"))
    if "path_regex" in match:
        return dice.choice(NEAR_REGEXES)
    return dice.choice(("/", "/a", *LLM))


def _filling(dice: Random) -> str:
    return dice.choice(("", "x", "/", "a/b", "completions", "speech", ".", "a.b", "%41", "*"))


def _changed(dice: Random, path: str) -> str:
    """As callers write paths, or as somebody does who looks for a way around a route."""
    while dice.random() < 0.45:
        at = dice.choice([place for place, letter in enumerate(path) if letter == "/"] or [0])
        path = dice.choice(
            (
                path[:at] + "/" + path[at:],
                path[:at] + "/." + path[at:],
                path[:at] + "/zz/.." + path[at:],
                path[:at] + "/zz/%2e%2E" + path[at:],
                path[:at] + "/%2e" + path[at:],
                path + "/",
                path + "/..",
                path.rstrip("/"),
                path.replace("a", "%61", 1),
                path.replace("/", "%2F", 1) if path.count("/") > 1 else path,
                path.replace("/", "\\", 1) if path.count("/") > 1 else path,
                path.swapcase(),
                path.removeprefix("/v1") or path,
                f"/v1{path}",
                path
                + dice.choice(
                    ("%20", "%zz", "%", ";v=1", "%3F", "é".encode().decode("latin-1"), "%c3%a9", "|", "~", "%7e")
                ),
            )
        )
        if not path.startswith("/"):
            path = f"/{path}"
    return path


def _some_query(dice: Random, wanted: dict[str, str]) -> str:
    if dice.random() < (0.1 if wanted else 0.7):
        return dice.choice(("", "", "?", "?&", "?=", "?x"))
    pairs = [f"{name}={dice.choice(QUERY_VALUES) if value == '*' else value}" for name, value in wanted.items()]
    while dice.random() < 0.5:
        name = dice.choice((*PARAMETERS, "%61", ""))
        pair = dice.choice((name, f"{name}=", f"{name}={dice.choice(QUERY_VALUES)}"))
        pairs.insert(dice.randint(0, len(pairs)), pair)
    return "?" + dice.choice(("&", "&", "&", "&&", ";")).join(pairs)


def _some_host(dice: Random, patterns: Any) -> str:
    pattern = dice.choice(patterns) if patterns and dice.random() < 0.85 else dice.choice(HOSTS)
    host = pattern.replace("*", dice.choice(("a", "api", "x.y", "b", "")), 1)
    host = _case(dice, host) or "a"
    return host + dice.choice(("", "", "", ":80", ":8443", ":", ".", ":80:80"))


def _some_headers(dice: Random, wanted: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    for name, value in wanted.items():
        if dice.random() < 0.85:
            found.append((_case(dice, name), dice.choice(VALUES) if value == "*" else value))
    while dice.random() < 0.4:
        found.insert(dice.randint(0, len(found)), (dice.choice(NAMES), dice.choice(VALUES)))
    return found
