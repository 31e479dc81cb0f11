"""CORS on a real Envoy, held against what the fetch standard has a browser ask and look at."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from extproc import names
from extproc.dataplane.cors import EXPOSED, REQUEST_HEADERS
from extproc.snapshot import AddressLimit, Cors, Listen, ListenLimits, Match, PathMatch, Redirect, Respond, Route
from tests.dataplane.envoy import Answer, Running, eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
CHAT = "/v1/chat/completions"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
GENERAL = Cors(("https://app.example.com", "https://*.apps.example.com", "http://localhost:*"), METHODS)
OTHER = Cors(("https://other.example.com",), ("GET", "PUT"), ("x-own",), ("x-told",), 60.0, credentials=True)
ANYBODY = Cors(("*",), METHODS)
NONE = Cors()
APP, EVIL, ELSEWHERE = "https://app.example.com", "https://evil.example", "https://other.example.com"
UPSTREAM = Upstream()


def answer_route(name: str, path: str, **told: object) -> Route:
    return Route(name, Match(PathMatch("exact", path), methods=("GET",)), kind="answer", **told)  # type: ignore[arg-type]


def route(path: str, cors: Cors | None, **match: object) -> Route:
    made = to_service("shop", PathMatch("prefix", path))
    return replace(made, name=f"{path} {match}", cors=cors, match=replace(made.match, **match))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Scene:
    envoy: Running
    processor: Processor

    def ask(self, method: str, path: str, origin: str | None = None, **headers: str) -> Answer:
        said = {"x-plan": "good"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if origin is not None:
            said["origin"] = origin
        if method != "POST":
            return self.envoy.ask(method, path, said)
        return self.envoy.ask("POST", path, {**said, "content-type": "application/json"}, b'{"model":"m"}')

    def preflight(self, path: str, origin: str, method: str = "POST", headers: str = "authorization") -> Answer:
        """As a browser asks: no key, no body, only names."""
        asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
        return self.envoy.ask("OPTIONS", path, asked)


@pytest.fixture(scope="module")
def running_scene() -> Iterator[Scene]:
    with answering(UPSTREAM):
        made = snapshot(
            provider("good", UPSTREAM.endpoint),
            service("shop", UPSTREAM.endpoint),
            route("/own", OTHER),
            route("/itself", NONE),
            route("/itself-by-method", NONE, methods=("GET",)),
            route("/anybody", ANYBODY),
            route("/gold", OTHER, headers={"x-tier": "gold"}),
            route("/gold", None),
            route("/by-method", OTHER, methods=("PUT",)),
            route("/by-method", None, methods=("POST",)),
            answer_route("moved", "/moved", redirect=Redirect(path="/new")),
            answer_route("told", "/told-by-us", respond=Respond(200, "hello", {"content-type": "text/plain"})),
            replace(llm(path=PathMatch("prefix", "/v1")), name="models"),
        )
        made = replace(made, listen=Listen(cors=GENERAL))
        with running(made) as envoy, serving(Processor(), envoy.place) as processor:
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            yield Scene(envoy, processor)


@pytest.fixture
def scene(running_scene: Scene) -> Scene:
    running_scene.processor.refuses = None
    running_scene.processor.told.clear()
    UPSTREAM.asked.clear()
    UPSTREAM.status, UPSTREAM.headers = 200, {"content-type": "application/json"}
    return running_scene


def is_allowed(answer: Answer, origin: str) -> bool:
    """The standard's CORS check: the one header, byte for byte; and caches are told that it depends on who asks."""
    assert "origin" in answer.headers.get("vary", ""), answer.headers
    return answer.headers.get("access-control-allow-origin") == origin


@pytest.mark.parametrize("path", [CHAT, "/chat/completions", "/v1/models", "/moved", "/told-by-us", "/nowhere"])
def test_a_preflight_is_answered_by_envoy_alone(scene: Scene, path: str) -> None:
    """Without a key, the processor or an upstream, on every kind of route."""
    answer = scene.preflight(path, APP)
    assert answer.status == 200 and answer.body == b"" and is_allowed(answer, APP)
    assert answer.headers["access-control-allow-methods"] == ", ".join(METHODS)
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-api-key", "x-stainless-lang", "*", *names.CALLER_HEADERS} <= set(
        allowed
    )
    assert answer.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in answer.headers
    assert (scene.processor.told, UPSTREAM.asked) == ([], [])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (APP, True),
        ("https://a.apps.example.com", True),
        ("https://a.b.apps.example.com", True),
        ("http://localhost:5173", True),
        ("http://localhost", True),
        ("https://apps.example.com", False),  # below it, and not itself
        ("https://evil-apps.example.com", False),
        ("https://a.apps.example.com.evil.example", False),
        ("https://a.apps.example.com:8443", False),
        ("http://app.example.com", False),
        ("http://localhost:5173.evil.example", False),
        ("https://appxexample.com", False),
        ("null", False),
    ],
)
def test_an_origin_is_compared_as_a_whole(scene: Scene, origin: str, allowed: bool) -> None:
    """In preflights and in what comes behind them; a no is an answer without the header, and goes nowhere."""
    preflight = scene.preflight(CHAT, origin)
    assert is_allowed(preflight, origin) is allowed
    assert (scene.processor.told, UPSTREAM.asked) == ([], [])
    answer = scene.ask("POST", CHAT, origin)
    assert answer.status == 200 and is_allowed(answer, origin) is allowed


@pytest.mark.parametrize("path", [CHAT, "/shop-less", "/moved", "/told-by-us", "/gold/x"])
def test_every_answer_can_be_read_by_scripts(scene: Scene, path: str) -> None:
    """Good ones, redirects, direct ones and 404s; and each tells caches that it depends on the origin."""
    answer = scene.ask("POST" if path == CHAT else "GET", path, APP)
    assert is_allowed(answer, APP)
    assert answer.headers["access-control-expose-headers"] == ", ".join(EXPOSED)
    assert not is_allowed(scene.ask("GET", path, EVIL), EVIL)
    assert "origin" in scene.ask("GET", path).headers["vary"]


@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_a_refusal_can_be_read_by_scripts(scene: Scene, status: int) -> None:
    """Else a browser hides why from the page."""
    scene.processor.refuses = status
    answer = scene.ask("POST", CHAT, APP)
    assert answer.status == status and is_allowed(answer, APP) and answer.headers["retry-after"] == "7"
    assert "retry-after" in answer.headers["access-control-expose-headers"]


def test_envoys_own_errors_can_be_read_by_scripts(scene: Scene) -> None:
    """Here that nothing could be reached: no plan."""
    answer = scene.ask("POST", CHAT, APP, x_plan="")
    assert answer.status == 503 and is_allowed(answer, APP)


def test_an_upstreams_own_word_is_taken_away(scene: Scene) -> None:
    """A provider that lets everybody in would let everybody into the gateway."""
    UPSTREAM.headers = {
        "access-control-allow-origin": "*",
        "access-control-allow-credentials": "true",
        "vary": "accept-encoding",
    }
    for path in (CHAT, "/own/x", "/anybody/x"):
        answer = scene.ask("POST", path, EVIL)
        assert answer.headers.get("access-control-allow-origin") == (EVIL if path == "/anybody/x" else None)
        assert "access-control-allow-credentials" not in answer.headers
        assert "accept-encoding" in answer.headers["vary"]


def test_a_routes_own_policy_stands_alone(scene: Scene) -> None:
    """Nothing of the general one is mixed in; credentials make every list literal."""
    answer = scene.preflight("/own/x", ELSEWHERE, "PUT")
    assert is_allowed(answer, ELSEWHERE)
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-allow-headers"] == "x-own"
    assert answer.headers["access-control-max-age"] == "60"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == ", ".join((*EXPOSED, "x-told"))
    assert not is_allowed(scene.preflight("/own/x", APP), APP)
    with_cookies = scene.ask("GET", "/own/x", ELSEWHERE)
    assert is_allowed(with_cookies, ELSEWHERE) and with_cookies.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("path", ["/itself/x", "/itself-by-method/x"])
def test_none_leaves_it_to_the_service(scene: Scene, path: str) -> None:
    """Its preflights too, whatever methods the route takes."""
    UPSTREAM.headers = {"access-control-allow-origin": "https://theirs.example"}
    answer = scene.preflight(path, "https://theirs.example", "GET")
    assert answer.headers["access-control-allow-origin"] == "https://theirs.example"
    assert [asked[0] for asked in UPSTREAM.asked] == ["OPTIONS"]
    assert "vary" not in answer.headers
    assert "access-control-expose-headers" not in scene.ask("GET", path, APP).headers


def test_a_star_is_every_origin(scene: Scene) -> None:
    """Said back by its name, which caches are told."""
    for origin in (EVIL, "null"):
        assert is_allowed(scene.preflight("/anybody/x", origin), origin)
        assert is_allowed(scene.ask("GET", "/anybody/x", origin), origin)


def test_a_preflight_goes_by_the_method_and_headers_that_are_asked_for(scene: Scene) -> None:
    """As the request behind it will be matched: it has neither itself."""
    assert is_allowed(scene.preflight("/by-method/x", ELSEWHERE, "PUT"), ELSEWHERE)
    assert not is_allowed(scene.preflight("/by-method/x", ELSEWHERE, "POST"), ELSEWHERE)
    assert is_allowed(scene.preflight("/by-method/x", APP, "POST"), APP)
    assert is_allowed(scene.preflight("/gold/x", ELSEWHERE, headers="authorization, X-Tier"), ELSEWHERE)
    assert not is_allowed(scene.preflight("/gold/x", ELSEWHERE, headers="authorization, x-tiers"), ELSEWHERE)
    assert is_allowed(scene.preflight("/gold/x", APP, headers="authorization"), APP)


def test_options_that_are_no_preflight_go_their_way(scene: Scene) -> None:
    """A service answers them itself."""
    UPSTREAM.headers = {"allow": "GET"}
    answer = scene.ask("OPTIONS", "/own/x", ELSEWHERE)
    assert answer.headers["allow"] == "GET" and [asked[0] for asked in UPSTREAM.asked] == ["OPTIONS"]


def test_a_flooded_address_is_told_so_even_in_a_script() -> None:
    """429 before the processor, readable; preflights are not counted."""
    limited = Listen(cors=GENERAL, limits=ListenLimits(per_address=AddressLimit(1, 2)))
    made = replace(snapshot(provider("good"), llm()), listen=limited)
    with running(made) as envoy, serving(Processor(), envoy.place) as processor:
        scene = Scene(envoy, processor)
        assert [scene.preflight(CHAT, APP).status for _ in range(10)] == [200] * 10
        answer = eventually(lambda: found if (found := scene.ask("GET", CHAT, APP)).status == 429 else None)
        assert answer is not None and is_allowed(answer, APP) and answer.headers["retry-after"] == "1"


def test_what_nobody_says_is_nobodys() -> None:
    """Without a policy answers say nothing of CORS, and an upstream's own word passes."""
    with answering(UPSTREAM):
        made = snapshot(service("shop", UPSTREAM.endpoint), to_service("shop", PathMatch("any")))
        with running(made) as envoy, serving(Processor(), envoy.place):
            UPSTREAM.headers = {"access-control-allow-origin": "*"}
            answer = envoy.ask("GET", "/x", {"origin": APP})
            assert answer.headers["access-control-allow-origin"] == "*" and "vary" not in answer.headers


def test_the_usual_headers_are_named_because_a_star_leaves_one_out() -> None:
    """`authorization` is never meant by `*`."""
    assert "authorization" in REQUEST_HEADERS and len(set(REQUEST_HEADERS)) == len(REQUEST_HEADERS)
