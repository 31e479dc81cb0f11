"""Upstreams that speak only to whom they know: who is let in, and what a new certificate does to connections."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from extproc import names
from extproc.dataplane import clusters
from extproc.dataplane.statistics import statistics_name
from extproc.snapshot import Endpoint, PathMatch, Provider, Service, Tls
from tests.dataplane.certificates import DAY, Ca, Issued, server_side
from tests.dataplane.envoy import Running, eventually, running, write_certificates
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
UPSTREAM, PLAIN = Upstream(), Upstream()
SERVERS, CLIENTS, STRANGERS = Ca("servers"), Ca("clients"), Ca("clients")  # the last only says that it is the other


@dataclass(frozen=True, slots=True)
class Guarded:
    envoy: Running
    providers: dict[str, Provider]
    shop: Service

    def get(self, plan: str) -> int:
        return self.envoy.ask("GET", "/v1/models", {"x-plan": plan}).status


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    made = tmp_path_factory.mktemp("mtls")
    (made / "ca.pem").write_bytes(SERVERS.certificate)
    with answering(UPSTREAM, tls=server_side(SERVERS, made, "api.test", clients=CLIENTS)), answering(PLAIN):
        at = Endpoint("https", "127.0.0.1", UPSTREAM.port)

        def tls(shown: Issued | None, name: str) -> Tls:
            trusts = Tls(ca=str(made / "ca.pem"), server_name="api.test")
            if shown is None:
                return trusts
            certificate, key = shown.write(made, name)
            return replace(trusts, client_certificate=str(certificate), client_key=str(key))

        def known(name: str, shown: Issued | None) -> Provider:
            return replace(provider(name, at), tls=tls(shown, name))

        right = CLIENTS.issue("first")
        providers = (
            known("right", right),
            known("none", None),
            known("stranger", STRANGERS.issue("first")),
            known("expired", CLIENTS.issue("first", begins=-2 * DAY, ends=-timedelta(hours=1))),
            replace(known("misnamed", right), tls=replace(tls(right, "misnamed"), server_name="other.test")),
            provider("plain", PLAIN.endpoint),
        )
        shop = replace(service("shop", at), tls=tls(right, "shop"))
        routes = (to_service("shop", PathMatch("glob", "/shop/*")), llm())
        with running(snapshot(*providers, shop, *routes)) as envoy, serving(Processor(), envoy.place):
            guarded = Guarded(envoy, {one.name: one for one in providers}, shop)
            eventually(lambda: guarded.get("plain") == 200, within=10)
            yield guarded


def test_who_is_known_is_let_in(guarded: Guarded) -> None:
    assert guarded.get("right") == 200
    assert UPSTREAM.shown[-1] == "first"


@pytest.mark.parametrize("name", ["none", "stranger", "expired", "misnamed"])
def test_who_is_not_walks_the_plan(guarded: Guarded, name: str) -> None:
    """No certificate, another CA's of the same name, one that is over; and a server that is not whom we asked for."""
    UPSTREAM.asked.clear()
    answers = [guarded.envoy.ask("GET", "/v1/models", {"x-plan": f"{name},plain"}) for _ in range(10)]
    assert [(each.status, each.headers[names.TARGET]) for each in answers] == [(200, "plain/m")] * 10
    assert guarded.get(name) == 503
    assert UPSTREAM.asked == []


def test_a_service_is_reached_by_the_same_means(guarded: Guarded) -> None:
    UPSTREAM.shown.clear()
    assert guarded.envoy.ask("GET", "/shop/x").status == 200
    assert UPSTREAM.shown == ["first"]


def test_no_key_is_in_what_envoy_shows_or_says(guarded: Guarded) -> None:
    assert guarded.get("right") == 200
    key = Path(guarded.providers["right"].tls.client_key or "").read_text()
    secrets = [line for line in key.splitlines() if not line.startswith("-")]
    place = guarded.envoy.place
    with httpx.Client(transport=httpx.HTTPTransport(uds=place.admin), base_url="http://envoy") as admin:
        dump = admin.get("/config_dump?include_eds").text
        told = [dump, admin.get("/certs").text, admin.get("/clusters").text]
    assert "[redacted]" in dump and "dynamic_active_secrets" in dump
    directory = Path(place.cds).parent
    told += [(directory / name).read_text() for name in ("cds.json", "bootstrap.json", "envoy.log", "access.log")]
    assert not any(secret in text for secret in secrets for text in told)
    assert Path(place.client_certificate(guarded.providers["right"].cluster)).stat().st_mode & 0o77 == 0


@dataclass(slots=True)
class Load:
    """Requests without a pause, each on a connection of its own to Envoy."""

    guarded: Guarded
    plan: str
    seen: Counter[int]

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.seen[self.guarded.get(self.plan)] += 1


def test_a_new_pair_is_shown_by_new_connections_and_nothing_fails(guarded: Guarded) -> None:
    owner = guarded.providers["right"]
    certificate, key = Path(owner.tls.client_certificate or ""), Path(owner.tls.client_key or "")
    load, stop = Load(guarded, "right", Counter()), threading.Event()
    UPSTREAM.headers["connection"] = "close"  # so that each request is a new connection
    threads = [threading.Thread(target=load.run, args=(stop,)) for _ in range(4)]
    UPSTREAM.shown.clear()
    try:
        for thread in threads:
            thread.start()
        for turn in range(5):
            new = CLIENTS.issue(f"turn-{turn}")
            certificate.write_bytes(new.certificate)
            key.write_bytes(new.key)
            write_certificates(owner, guarded.envoy.place)
            assert eventually(lambda name=f"turn-{turn}": name in UPSTREAM.shown)  # type: ignore[misc]
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        del UPSTREAM.headers["connection"]
    print(f"{load.seen} and shown {Counter(UPSTREAM.shown)}")
    assert set(load.seen) == {200} and load.seen[200] > 20
    assert UPSTREAM.shown[-1] == "turn-4"


def test_garbage_in_envoys_own_file_leaves_the_old_in_force(guarded: Guarded) -> None:
    """The reload refuses it before; should it come this far all the same, Envoy keeps what it has."""
    owner = guarded.providers["right"]
    file = Path(guarded.envoy.place.client_certificate(owner.cluster))
    good = file.read_text()
    broken = json.loads(good)
    broken["resources"][0]["tls_certificate"]["private_key"]["inline_string"] = "-----BEGIN PRIVATE KEY-----\nAA=="
    for bad in ("{", json.dumps(broken)):
        new = file.with_suffix(".bad")
        new.write_text(bad)
        new.replace(file)
        time.sleep(0.3)
        UPSTREAM.headers["connection"] = "close"
        assert {guarded.get("right") for _ in range(5)} == {200}
        del UPSTREAM.headers["connection"]
    write_certificates(owner, guarded.envoy.place)


def test_connections_grow_old_and_streams_on_them_do_not_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a life of a second: a stream of three ends whole, and a new pair is shown though connections are kept."""
    monkeypatch.setattr(clusters, "CONNECTION_LIFE", 1.0)
    upstream = Upstream()
    (tmp_path / "ca.pem").write_bytes(SERVERS.certificate)
    certificate, key = CLIENTS.issue("old").write(tmp_path)
    with answering(upstream, tls=server_side(SERVERS, tmp_path, "api.test", clients=CLIENTS)):
        tls = Tls(str(tmp_path / "ca.pem"), str(certificate), str(key), "api.test")
        owner = replace(provider("right", Endpoint("https", "127.0.0.1", upstream.port)), tls=tls)
        with running(snapshot(owner, llm())) as envoy, serving(Processor(), envoy.place):
            guarded = Guarded(envoy, {}, service("none"))
            eventually(lambda: guarded.get("right") == 200, within=10)
            upstream.chunks, upstream.pause = tuple(b"%d;" % n for n in range(30)), 0.1
            begun = time.monotonic()
            streamed = envoy.ask("GET", "/v1/models", {"x-plan": "right"})
            assert time.monotonic() - begun > 2.9
            assert streamed.body == b"".join(upstream.chunks)
            upstream.chunks = None
            assert guarded.get("right") == 200
            CLIENTS.issue("new").write(tmp_path)
            write_certificates(owner, envoy.place)
            assert eventually(lambda: guarded.get("right") == 200 and upstream.shown[-1] == "new", within=5)


def test_a_ca_changes_in_place(tmp_path: Path) -> None:
    """A server moves to another CA: trusted when the file says so, and no longer when it says otherwise."""
    upstream, other = Upstream(headers={"connection": "close"}), Ca("others")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(SERVERS.certificate)
    with answering(upstream, tls=server_side(other, tmp_path, "api.test")):
        tls = Tls(ca=str(ca), server_name="api.test")
        owner = replace(provider("one", Endpoint("https", "127.0.0.1", upstream.port)), tls=tls)
        with running(snapshot(owner, llm())) as envoy, serving(Processor(), envoy.place):
            guarded = Guarded(envoy, {}, service("none"))
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": ""}).status == 503, within=10)
            assert guarded.get("one") == 503 and upstream.asked == []
            ca.write_bytes(SERVERS.certificate + other.certificate)
            write_certificates(owner, envoy.place)
            assert eventually(lambda: guarded.get("one") == 200)
            ca.write_bytes(SERVERS.certificate)
            write_certificates(owner, envoy.place)
            assert eventually(lambda: guarded.get("one") == 503)


def test_a_connection_is_reused(guarded: Guarded) -> None:
    """One handshake serves many requests: a life's end has not switched keep-alive off."""
    assert guarded.get("right") == 200
    before = connections(guarded)
    assert {guarded.get("right") for _ in range(5)} == {200}
    assert connections(guarded) == before > 0


def connections(guarded: Guarded) -> int:
    name = f"cluster.{statistics_name('right', 'whole')}.upstream_cx_total"
    with httpx.Client(transport=httpx.HTTPTransport(uds=guarded.envoy.place.admin), base_url="http://envoy") as admin:
        return int(admin.get(f"/stats?filter=^{name}$").text.split(": ")[1])
