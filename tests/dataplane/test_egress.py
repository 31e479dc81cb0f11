"""Upstreams behind a proxy that tunnels, through a real Envoy."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from extproc import names
from extproc.dataplane.render import sds
from extproc.snapshot import Endpoint, HealthSpec, PathMatch, Provider, Proxy, Service, Tls
from extproc.stores.private_files import replace as put
from tests.dataplane.certificates import Ca, server_side
from tests.dataplane.connect_proxy import ConnectProxy, proxying
from tests.dataplane.envoy import PROXY_CREDENTIAL, Running, complaints, eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
FAR = "api.far.test"  # a name that nobody on this machine can look up
NOWHERE = 1  # a port that is shut


@dataclass
class Scene:
    envoy: Running
    processor: Processor
    upstream: Upstream
    proxy: ConnectProxy

    def ask(self, *plan: str) -> tuple[int, str | None]:
        """The status, and who answered."""
        answer = self.envoy.ask("POST", "/v1/chat/completions", {"x-plan": ",".join(plan)}, b'{"model":"m"}')
        return answer.status, answer.headers.get(names.TARGET)


def at(host: str, port: int, *, authorized: bool = False, cluster: str = "egress@1a2b3c4d") -> Proxy:
    return Proxy(cluster, host, port, authorized)


def far(name: str, proxy: Proxy, tls: Tls, host: str = FAR, port: int = 443) -> Provider:
    found = replace(provider(name, Endpoint("https", host, port)), tls=tls, proxy=proxy)
    return replace(found, connect_timeout=1.0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    ca, upstream = Ca(), Upstream(headers={"content-type": "application/json", "connection": "close"})
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(ca.certificate)
    pair = ca.issue("the gateway").write(tmp_path)
    plain, mutual = Tls(ca=str(trusted)), Tls(str(trusted), str(pair[0]), str(pair[1]))
    context = server_side(ca, tmp_path, FAR, "other.far.test", clients=ca)
    with answering(upstream, tls=context), proxying() as proxy, proxying() as locked:
        proxy.places = {
            f"{FAR}:443": upstream.port,
            f"{FAR}:8443": upstream.port,
            "192.0.2.7:443": upstream.port,
            "wrong.far.test:443": upstream.port,
        }
        proxy.greeting = b"via: 1.1 proxy.corp.example\r\nx-long: " + b"a" * 2000 + b"\r\n"
        by_name, shut = at("localhost", proxy.port), at("127.0.0.1", NOWHERE, cluster="egress@2a2b3c4d")
        password = at("127.0.0.1", proxy.port, authorized=True, cluster="egress@3a2b3c4d")
        nameless = at("proxy.nowhere.test", 3128, cluster="egress@4a2b3c4d")
        made = snapshot(
            far("far", by_name, mutual),
            far("port", by_name, mutual, port=8443),
            far("address", by_name, replace(mutual, server_name=FAR), host="192.0.2.7"),
            far("wrong", by_name, mutual, host="wrong.far.test"),
            far("unknown", by_name, mutual, host="unknown.far.test"),
            far("password", password, mutual),
            far("nobody", by_name, plain),
            far("shut", shut, mutual),
            far("nameless", nameless, mutual),
            far("locked", at("127.0.0.1", locked.port, cluster="egress@5a2b3c4d"), mutual),
            replace(
                provider("near", Endpoint("https", "127.0.0.1", upstream.port)), tls=replace(mutual, server_name=FAR)
            ),
            replace(_service(mutual), proxy=by_name),
            to_service("shop", PathMatch("prefix", "/shop")),
            llm(),
        )
        locked.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 4\r\n\r\nkey?"
        with running(made) as envoy, serving(Processor(), envoy.place) as processor:
            here = Scene(envoy, processor, upstream, proxy)
            eventually(lambda: here.ask("near")[0] == 200, within=20)
            yield here


def _service(tls: Tls) -> Service:
    return replace(service("shop", Endpoint("https", FAR, 443)), tls=tls)


def test_the_tunnel_is_asked_for_by_name(scene: Scene) -> None:
    """The proxy, itself known by name, is told whom to connect to; nothing is looked up here. TLS is the upstream's
    own, client certificate included, so the proxy sees neither key nor prompt."""
    for name, line in (("far", FAR + ":443"), ("port", FAR + ":8443"), ("address", "192.0.2.7:443")):
        scene.proxy.asked.clear()
        assert scene.ask(name) == (200, f"{name}/m")
        assert scene.proxy.lines == [f"CONNECT {line} HTTP/1.1"]
    assert set(scene.upstream.shown) == {"the gateway"}
    _, _, headers, body = scene.upstream.asked[-1]
    assert headers["authorization"] == "Bearer sk-of-a-test" and body
    passed = bytes(scene.proxy.passed)
    assert passed and not [told for told in (b"sk-of-a-test", b"/v1/chat", b'"model"') if told in passed]
    assert "proxy-authorization" not in scene.proxy.asked[-1][1]


def test_a_service_goes_the_same_way(scene: Scene) -> None:
    scene.proxy.asked.clear()
    assert scene.envoy.ask("GET", "/shop/a").status == 200
    assert scene.proxy.lines == [f"CONNECT {FAR}:443 HTTP/1.1"]


def test_who_is_near_is_asked_directly(scene: Scene) -> None:
    scene.proxy.asked.clear()
    assert scene.ask("near") == (200, "near/m")
    assert scene.proxy.lines == []


@pytest.mark.parametrize("name", ["wrong", "nobody"])
def test_the_certificate_is_still_the_upstreams_own(scene: Scene, name: str) -> None:
    """Who bears another name, and who asks for a certificate that we do not show: neither is sent anything."""
    before = len(scene.upstream.asked)
    assert scene.ask(name)[0] == 503
    assert len(scene.upstream.asked) == before
    assert scene.ask(name, "far") == (200, "far/m")


@pytest.mark.parametrize("name", ["unknown", "shut", "nameless", "locked"])
def test_a_tunnel_that_cannot_be_had_is_the_next_target(scene: Scene, name: str) -> None:
    """The proxy cannot find the upstream, or wants a password; or it is gone itself, or has no address."""
    assert scene.ask(name, "near") == (200, "near/m")
    assert scene.envoy.ask("GET", "/v1/models", {"x-plan": name}).code == "no_target_available"


@pytest.mark.parametrize("how", ["403", "silence", "hangs up"])
def test_a_proxy_that_misbehaves_is_the_next_target(scene: Scene, how: str) -> None:
    """One that hangs for as long as `connect_timeout` says; each is asked once."""
    scene.ask("far")
    eventually(lambda: scene.proxy.open == 0)
    scene.proxy.asked.clear()
    scene.proxy.hangs = how == "silence"
    scene.proxy.answer = {"403": b"HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n", "hangs up": b""}.get(how)
    assert scene.ask("far", "near") == (200, "near/m")
    assert len(scene.proxy.asked) == 1
    scene.proxy.hangs, scene.proxy.answer = False, None
    assert scene.ask("far", "near") == (200, "far/m")


def test_a_refused_tunnel_has_a_line_that_says_why(scene: Scene) -> None:
    """The only place where the proxy's own answer can be read."""
    scene.ask("locked")
    (line,) = eventually(lambda: [one for one in scene.envoy.log() if one["log"] == "tunnel"])
    assert (line["to"], line["why"]) == (f"{FAR}:443", "tunnel_response:407")
    assert not [one for one in scene.envoy.log() if "secret" in json.dumps(one)]


def test_the_proxy_is_shown_who_we_are(scene: Scene) -> None:
    """From a file, so that another password is in force without another cluster; the upstream never sees it."""
    scene.proxy.asked.clear()
    assert scene.ask("password") == (200, "password/m")
    assert scene.proxy.asked[0][1]["proxy-authorization"] == PROXY_CREDENTIAL
    assert "proxy-authorization" not in scene.upstream.asked[-1][2]
    for file in Path(scene.envoy.place.xds).glob("*ds.json"):
        assert "dXM6c2VjcmV0" not in file.read_text()
    put(Path(scene.envoy.place.secret("egress@3a2b3c4d")), json.dumps(sds("Basic bmV3")))

    def shown() -> str:
        scene.ask("password")
        return scene.proxy.asked[-1][1]["proxy-authorization"]

    assert eventually(lambda: shown() == "Basic bmV3")


def test_each_endpoint_of_a_pool_has_a_tunnel_and_a_name_of_its_own(tmp_path: Path) -> None:
    """Envoy checks none of them: its checks could not go through the tunnel, and would find all dead."""
    ca, upstream = Ca(), Upstream(headers={"content-type": "application/json", "connection": "close"})
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    context = server_side(ca, tmp_path, FAR, "other.far.test")
    with answering(upstream, tls=context), proxying() as proxy:
        proxy.places = {f"{FAR}:443": upstream.port, "other.far.test:443": upstream.port}
        pool = far("pool", at("localhost", proxy.port), Tls(ca=str(tmp_path / "ca.pem")))
        others = (*pool.endpoints, Endpoint("https", "other.far.test", 443))
        health = HealthSpec(interval=0.2, timeout=1, failure_threshold=1, success_threshold=1)
        made = snapshot(replace(pool, endpoints=others, health=health), llm())
        with running(made) as envoy, serving(Processor(), envoy.place):

            def asked_both() -> bool:
                envoy.ask("GET", "/v1/models", {"x-plan": "pool"})
                return {f"CONNECT {name}:443 HTTP/1.1" for name in (FAR, "other.far.test")} == set(proxy.lines)

            assert eventually(asked_both, within=15)
            assert all(envoy.ask("GET", "/v1/models", {"x-plan": "pool"}).status == 200 for _ in range(20))
            assert not [path for _, path, _, _ in upstream.asked if path == "/health"]


def test_http2_is_spoken_inside_the_tunnel_where_the_upstream_does(tmp_path: Path) -> None:
    """By ALPN, as without a proxy."""
    ca = Ca()
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    context = server_side(ca, tmp_path, FAR)
    context.set_alpn_protocols(["h2"])
    began: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, proxying() as proxy:
        threading.Thread(target=_hear_the_beginnings, args=(listener, context, began), daemon=True).start()
        proxy.places = {f"{FAR}:443": listener.getsockname()[1]}
        made = snapshot(far("far", at("localhost", proxy.port), Tls(ca=str(tmp_path / "ca.pem"))), llm())
        with running(made) as envoy, serving(Processor(), envoy.place):

            def begun() -> bool:
                envoy.ask("GET", "/v1/models", {"x-plan": "far"})
                return bool(began)

            assert eventually(begun, within=10)
            assert began[0] == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def _hear_the_beginnings(listener: socket.socket, context: ssl.SSLContext, began: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # the listener is closed when the test is over
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                began.append(secure.recv(24))


def test_envoy_takes_it(tmp_path: Path) -> None:
    made = snapshot(far("far", at("proxy.corp.example", 3128, authorized=True), Tls()), llm())
    assert complaints(made, tmp_path) == ""
