"""Client certificates and CAs rotate under traffic, however their files change: nothing fails, the new one is shown."""

import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dataplane.certificates import DAY, Ca, Issued, server_side
from tests.dataplane.upstream import Upstream, answering
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually

SERVERS, CLIENTS = Ca("servers"), Ca("clients")
EXPIRY = "extproc_certificate_expiry_timestamp_seconds"


@pytest.fixture
def place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="certs-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """Closes each connection, so that every request shows a certificate anew."""
    made = Upstream(headers={"content-type": "application/json", "connection": "close"})
    with answering(made, tls=server_side(SERVERS, tmp_path, "api.test", clients=CLIENTS)):
        yield made


def config(place: Path, upstream: Upstream) -> dict[str, Any]:
    tls = {
        "client_certificate": str(place / "tls.crt"),
        "client_key": str(place / "tls.key"),
        "ca": str(place / "ca.crt"),
        "server_name": "api.test",
    }
    at = {"endpoints": [f"https://127.0.0.1:{upstream.port}"], "tls": tls}
    return {
        "providers": {"lab": {"dialect": "openai", "models": ["m"], **at}},
        "services": {"shop": at},
        "routes": [{"match": {"path": "/shop/*"}, "service": "shop"}, {"match": {"path": "/v1/*"}}],
    }


def files(issued: Issued, ca: bytes = SERVERS.certificate) -> dict[str, bytes]:
    return {"tls.crt": issued.certificate, "tls.key": issued.key, "ca.crt": ca}


def in_place(place: Path, version: int, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (place / name).write_bytes(content)


def by_rename(place: Path, version: int, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        new = place / f".{name}.new"
        new.write_bytes(content)
        new.replace(place / name)


def by_swap(place: Path, version: int, contents: dict[str, bytes]) -> None:
    """As the kubelet does: all files are links through `..data`, which is a link itself."""
    old = list(place.glob("..2*"))
    data = place / f"..2026_{version}"
    data.mkdir()
    for name, content in contents.items():
        (data / name).write_bytes(content)
        if not (place / name).is_symlink():
            (place / name).symlink_to(f"..data/{name}")
    new = place / "..data_tmp"
    new.symlink_to(data.name)
    new.replace(place / "..data")
    for each in old:
        shutil.rmtree(each)


@contextmanager
def load(gateway: Gateway) -> Iterator[Counter[int]]:
    """Runs while the block runs: chats by the provider, and requests to the service."""
    seen: Counter[int] = Counter()
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(trust_env=False, timeout=20) as client:
            while not stop.is_set():
                seen[client.post(gateway.url + CHAT, json=body("m")).status_code] += 1
                seen[client.get(gateway.url + "/shop/x").status_code] += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


@pytest.mark.parametrize("change", [in_place, by_rename, by_swap])
def test_a_new_certificate_is_shown_and_nothing_fails(place: Path, upstream: Upstream, change: Any) -> None:
    change(place, 0, files(CLIENTS.issue("first")))
    with running(config(place, upstream)) as gateway:
        pid, before = gateway.envoy_pid, gateway.hash
        with load(gateway) as seen:
            for turn in range(1, 4):
                change(place, turn, files(CLIENTS.issue(f"turn-{turn}", ends=(100 + turn) * DAY)))
                eventually(lambda name=f"turn-{turn}": name in upstream.shown, f"turn-{turn} shown", 15)  # type: ignore[misc]
        print(f"{change.__name__}: {dict(seen)}, shown {dict(Counter(upstream.shown))}")
        assert set(seen) == {200}, seen
        upstream.shown.clear()
        assert httpx.post(gateway.url + CHAT, json=body("m"), trust_env=False).status_code == 200
        assert upstream.shown == ["turn-3"]
        assert (gateway.envoy_pid, gateway.hash) == (pid, before)


def test_a_wrong_pair_is_refused_in_words_and_the_old_one_stays(place: Path, upstream: Upstream) -> None:
    by_rename(place, 0, files(CLIENTS.issue("first")))
    good, over = CLIENTS.issue("second"), CLIENTS.issue("over", begins=-2 * DAY, ends=-DAY)
    wrongs = {
        "does not fit": {"tls.crt": good.certificate, "tls.key": over.key},
        "no PEM private key": {"tls.crt": good.certificate, "tls.key": b"garbage"},
        "expired on": {"tls.crt": over.certificate, "tls.key": over.key},
        "no PEM certificates": {"tls.crt": good.certificate, "tls.key": good.key, "ca.crt": b""},
    }
    with running(config(place, upstream)) as gateway:
        assert gateway.metric(EXPIRY, upstream="lab", kind="client") > 0
        assert gateway.metric(EXPIRY, upstream="shop", kind="ca") > 0
        with load(gateway) as seen:
            for words, contents in wrongs.items():
                by_rename(place, 0, {**files(good), **contents})
                eventually(lambda said=words: said in str(gateway.status()["config"]["error"]), words, 15)  # type: ignore[misc]
                assert gateway.readyz().status_code == 200
            assert set(upstream.shown) == {"first"}
            by_rename(place, 0, files(good))
            eventually(lambda: gateway.status()["config"]["error"] is None, "the error to go", 15)
            eventually(lambda: "second" in upstream.shown, "the good one shown", 15)
        assert set(seen) == {200}, seen
        assert gateway.metric("extproc_config_reloads_total", result="rejected") >= len(wrongs)
        assert "does not fit" in gateway.err.text() and good.key.decode().splitlines()[1] not in gateway.err.text()


def test_what_is_over_does_not_start(place: Path, upstream: Upstream) -> None:
    in_place(place, 0, files(CLIENTS.issue("over", begins=-2 * DAY, ends=-DAY)))
    gateway = Gateway(config(place, upstream)).launch()
    try:
        assert gateway.process is not None
        assert gateway.process.wait(30) != 0
        assert "expired on" in gateway.err.text()
    finally:
        gateway.end_by_force()
