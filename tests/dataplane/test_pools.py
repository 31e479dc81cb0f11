"""Several endpoints of one provider: all of them serve, a dead one is left, and with none alive the plan walks on."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from extproc import names
from extproc.dataplane.clusters import clusters
from extproc.dataplane.pools import CHECK_PATIENCE
from extproc.snapshot import ClusterSpec, Endpoint, HealthSpec, Provider, SignSpec, Tls
from tests.dataplane.certificates import Ca, server_side
from tests.dataplane.envoy import Running, eventually, place_in, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering, opened

FAST = HealthSpec(interval=0.2, timeout=0.4, failure_threshold=2, success_threshold=1)
LEFT_WITHIN = 2.0  # seconds: (interval + timeout) × threshold, and as much again for a busy machine


@dataclass(slots=True)
class Pool:
    envoy: Running
    upstreams: list[Upstream] = field(default_factory=list)

    def ask(self, plan: str, number: int = 30) -> Counter[str]:
        """Who answered how many; a status where it was nobody."""
        answers = [self.envoy.ask("GET", "/v1/models", {"x-plan": plan}) for _ in range(number)]
        return Counter(one.headers[names.TARGET] if one.status == 200 else str(one.status) for one in answers)

    def served(self) -> list[int]:
        """How many requests each has had since this was asked last, checks not counted."""
        counts = [sum(path == "/told" for _, path, _, _ in one.asked) for one in self.upstreams]
        for one in self.upstreams:
            one.asked.clear()
        return counts


@contextmanager
def pool(owner: Provider, *upstreams: Upstream) -> Iterator[Pool]:
    plain = Upstream()
    with contextlib.ExitStack() as stack:
        stack.enter_context(answering(plain))
        envoy = stack.enter_context(running(snapshot(owner, provider("plain", plain.endpoint), llm())))
        stack.enter_context(serving(Processor(), envoy.place))
        eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "plain"}).status == 200, within=10)
        yield Pool(envoy, list(upstreams))


def closing() -> Upstream:
    """Each request is a new connection, so that what is dead is met at once."""
    return Upstream(headers={"content-type": "application/json", "connection": "close"})


@pytest.mark.envoy
@pytest.mark.parametrize("health", [None, FAST], ids=["unchecked", "checked"])
def test_a_dead_endpoint_costs_no_request(health: HealthSpec | None) -> None:
    """Neither before it is known, nor after; nor does its coming back. And never is a living pool walked past."""
    upstreams = [closing() for _ in range(3)]
    with opened(*upstreams) as doors:
        owner = replace(provider("pool", *(one.endpoint for one in upstreams)), health=health)
        with pool(owner, *upstreams) as asked:
            assert asked.ask("pool", 60) == {"pool/m": 60} and min(asked.served()) > 5
            doors.shut(upstreams[0])
            assert asked.ask("pool") == {"pool/m": 30} and asked.ask("pool,plain") == {"pool/m": 30}
            doors.shut(upstreams[1])
            time.sleep(1.0)
            assert asked.ask("pool") == {"pool/m": 30} and asked.ask("pool,plain") == {"pool/m": 30}
            asked.served()
            doors.shut(upstreams[2])
            assert asked.ask("pool,plain") == {"plain/m": 30}
            time.sleep(1.0)
            assert asked.ask("pool,plain") == {"plain/m": 30} and asked.ask("pool", 3) == {"503": 3}
            doors.open(upstreams[1])
            assert eventually(lambda: asked.ask("pool", 5) == {"pool/m": 5}, within=LEFT_WITHIN)
            assert asked.ask("pool,plain") == {"pool/m": 30} and asked.served()[1] >= 30


@pytest.mark.envoy
@pytest.mark.parametrize("ill", ["hangs", "is loading"])
def test_an_endpoint_that_is_ill_is_left_and_comes_back(ill: str) -> None:
    well, sick = closing(), closing()
    with answering(well, sick):
        owner = replace(provider("pool", well.endpoint, sick.endpoint), health=FAST)
        with pool(owner, well, sick) as asked:
            assert eventually(lambda: asked.ask("pool", 10) == {"pool/m": 10} and min(asked.served()) > 0)
            if ill == "hangs":
                sick.hang = 30.0
            else:
                sick.status = 503
            time.sleep(LEFT_WITHIN)
            asked.served()
            assert asked.ask("pool") == {"pool/m": 30} and asked.served() == [30, 0]
            sick.hang, sick.status = 0.0, 200
            assert eventually(lambda: bool(asked.ask("pool", 10)) and asked.served()[1] > 0, within=LEFT_WITHIN)


@pytest.mark.envoy
def test_who_wants_a_key_is_alive_and_who_has_no_such_path() -> None:
    """A check carries no credential; and where nobody said what to ask, a wrong guess empties no pool."""
    for status, path, alive in ((401, None, True), (404, None, True), (404, "/ready", False)):
        upstream = closing()
        with answering(upstream):
            # two addresses of one server: a pool that lives or dies as one
            ends = (upstream.endpoint, Endpoint("http", "127.0.0.2", upstream.port))
            owner = replace(provider("pool", *ends), health=replace(FAST, path=path))
            upstream.status = status
            with pool(owner, upstream) as asked:
                time.sleep(LEFT_WITHIN)
                seen = {one[1] for one in upstream.asked}
                upstream.asked.clear()
                asked.ask("pool,plain", 5)
                assert (len([1 for _, at, _, _ in upstream.asked if at == "/told"]) > 0) is alive, (status, path)
                assert seen == {path or "/health"}
                assert not any("authorization" in headers for _, at, headers, _ in upstream.asked if at != "/told")


@pytest.mark.envoy
def test_checks_go_through_the_same_tls(tmp_path: Path) -> None:
    """A pool whose upstreams want a client certificate is alive to who has the right one, and dead to who has not."""
    servers, clients = Ca("servers"), Ca("clients")
    (tmp_path / "ca.pem").write_bytes(servers.certificate)
    upstream = closing()
    with answering(upstream, tls=server_side(servers, tmp_path, "api.test", clients=clients)):
        # one server by two addresses
        ends = (Endpoint("https", "127.0.0.1", upstream.port), Endpoint("https", "127.0.0.2", upstream.port))
        for who, answers in ((clients, "pool/m"), (Ca("strangers"), "plain/m")):
            certificate, key = who.issue("us").write(tmp_path)
            tls = Tls(str(tmp_path / "ca.pem"), str(certificate), str(key), "api.test")
            with pool(replace(provider("pool", *ends), health=FAST, tls=tls), upstream) as asked:
                time.sleep(1.0)
                assert asked.ask("pool,plain", 10) == {answers: 10}
                assert (("GET", "/health") in {one[:2] for one in upstream.asked}) is (answers == "pool/m")
                upstream.asked.clear()


@pytest.mark.envoy
def test_endpoints_that_hang_delay_a_start_for_a_bounded_time_only() -> None:
    """The operator's timeout may be long; nobody waits for it."""
    ill = [Upstream(hang=60.0), Upstream(hang=60.0)]
    with answering(*ill):
        owner = replace(provider("pool", *(one.endpoint for one in ill)), health=HealthSpec(timeout=60.0))
        begun = time.monotonic()
        with pool(owner, *ill) as asked:
            took = time.monotonic() - begun
            print(f"started after {took:.1f} s")
            assert took < CHECK_PATIENCE + 3.0
            assert asked.ask("pool,plain", 5) == {"plain/m": 5}


@pytest.mark.envoy
def test_a_slow_endpoint_gets_less() -> None:
    """Least requests: who is still busy is not asked next."""
    slow, quick = Upstream(hang=0.5), Upstream()
    with answering(slow, quick), pool(provider("pool", slow.endpoint, quick.endpoint), slow, quick) as asked:
        threads = [threading.Thread(target=asked.ask, args=("pool", 10)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        of_slow, of_quick = asked.served()
        assert of_slow + of_quick == 40 and of_quick > 1.3 * of_slow, (of_slow, of_quick)


def test_who_is_checked_by_envoy(tmp_path: Path) -> None:
    """Only pools, only where somebody asked for it, and nobody who answers signed requests alone."""
    ends = (Endpoint("http", "127.0.0.1", 1), Endpoint("http", "127.0.0.1", 2))
    several = provider("several", *ends)
    owners = {
        "nothing said": several,
        "one address": replace(provider("one", ends[0]), health=FAST),
        "signed": replace(several, health=FAST, sign=SignSpec()),
        "may sleep": replace(several, health=FAST, by_the_hour=ClusterSpec(1, wake_up=30.0)),
        "wide awake": replace(several, health=FAST, by_the_hour=ClusterSpec(1)),
        "a name": replace(provider("name", Endpoint("http", "lab.test", 80)), health=FAST),
        "several": replace(several, health=FAST),
    }
    rendered = {name: clusters(snapshot(owner), place_in(tmp_path))[0] for name, owner in owners.items()}
    assert [name for name, cluster in rendered.items() if "health_checks" in cluster] == [
        "wide awake",
        "a name",
        "several",
    ]
