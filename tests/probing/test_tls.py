"""Probes by TLS: with the provider's CA, name and client certificate, from files that may change."""

import shutil
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.probing.endpoint import ProbedEndpoint
from extproc.snapshot import Endpoint, HealthSpec, Tls
from tests.probing.scene import Scene, cluster
from tests.probing.server import page, serving

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


class Pair:
    """A certificate of its own making, and its key."""

    def __init__(self, directory: Path, name: str, encrypted: bool = False) -> None:
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "1", "-subj", f"/CN={name}"]
        command += ["-passout", "pass:secret"] if encrypted else ["-nodes"]
        files = ["-keyout", str(self.key), "-out", str(self.certificate)]
        command += [*files, "-addext", "subjectAltName=DNS:*.good.test,IP:127.0.0.1"]
        subprocess.run(command, check=True, capture_output=True, timeout=30)

    def server(self, clients: "Pair | None" = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # whoever is not let in learns it in the handshake
        context.load_cert_chain(self.certificate, self.key)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients.certificate)
        return context


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("tls"), "server")


def endpoint(port: int, tls: Tls) -> ProbedEndpoint:
    at = (Endpoint("https", "127.0.0.1", port),)
    return Scene().endpoint(replace(cluster(), endpoints=at, tls=tls, health=HealthSpec(timeout=5)))


@pytest.mark.parametrize(
    ("server_name", "why"),
    [
        (None, ""),
        ("a.good.test", ""),
        ("a.bad.test", "a probe failed: its certificate does not hold: Hostname mismatch, certificate is not valid"),
    ],
)
async def test_it_must_bear_the_name_that_is_asked_for(pair: Pair, server_name: str | None, why: str) -> None:
    async with serving({"/health": page()}, tls=pair.server()) as answering:
        probed = endpoint(answering.port, Tls(ca=str(pair.certificate), server_name=server_name))
        assert await probed.probe() is (not why)
    assert probed.health.why.startswith(why) and bool(probed.health.why) is bool(why)


async def test_a_stranger_is_not_trusted(pair: Pair) -> None:
    async with serving({"/health": page()}, tls=pair.server()) as answering:
        probed = endpoint(answering.port, Tls())
        assert not await probed.probe()
        assert answering.asked == []
    assert "its certificate does not hold: self-signed certificate" in probed.health.why


async def test_a_client_certificate_is_shown_and_read_again_when_it_changes(pair: Pair, tmp_path: Path) -> None:
    first, second = Pair(tmp_path, "first"), Pair(tmp_path, "second")
    shown = tmp_path / "client.pem"
    key = tmp_path / "client.key"
    shutil.copy(second.certificate, shown)
    shutil.copy(second.key, key)
    tls = Tls(str(pair.certificate), str(shown), str(key))
    async with serving({"/health": page()}, tls=pair.server(clients=first)) as answering:
        probed = endpoint(answering.port, tls)
        assert not await probed.probe(), "it wants another certificate"
        for one, place in ((first.certificate, shown), (first.key, key)):
            shutil.copy(one, tmp_path / "new")
            (tmp_path / "new").replace(place)
        assert await probed.probe()
        subject = answering.certificates[0]
        assert isinstance(subject, dict) and subject["subject"] == ((("commonName", "first"),),)


@pytest.mark.parametrize("damage", ["gone", "garbage", "another's key", "encrypted"])
async def test_files_of_ours_that_cannot_be_used_are_said_and_not_shown(
    pair: Pair, tmp_path: Path, damage: str
) -> None:
    client = Pair(tmp_path, "client", encrypted=damage == "encrypted")
    if damage == "gone":
        client.key.unlink()
    elif damage == "garbage":
        client.certificate.write_text("do not tell")
    elif damage == "another's key":
        shutil.copy(pair.key, client.key)
    async with serving({"/health": page()}, tls=pair.server()) as answering:
        tls = Tls(str(pair.certificate), str(client.certificate), str(client.key))
        probed = endpoint(answering.port, tls)
        for _ in range(HealthSpec().failure_threshold):
            assert not await probed.probe()
        assert answering.asked == []
    assert "our own TLS files cannot be used" in probed.health.why and "do not tell" not in probed.health.why
    assert probed.health.state == "unknown", "that we cannot ask says nothing of it"


@pytest.mark.parametrize("damage", ["gone", "garbage", "another's key"])
async def test_new_files_that_cannot_be_used_leave_the_old_ones_in_force(
    pair: Pair, tmp_path: Path, damage: str
) -> None:
    """As for requests: else a provider that serves them all would be in no plan."""
    client = Pair(tmp_path, "client")
    authorities = shutil.copy(pair.certificate, tmp_path / "ca.pem")
    async with serving({"/health": page()}, tls=pair.server(clients=client)) as answering:
        tls = Tls(str(authorities), str(client.certificate), str(client.key))
        probed = endpoint(answering.port, tls)
        assert await probed.probe()
        for file in (Path(authorities), client.certificate, client.key):
            if damage == "gone":
                file.unlink()
            elif damage == "garbage":
                file.write_text("do not tell")
            else:
                shutil.copy(pair.key, client.key)
        for _ in range(HealthSpec().failure_threshold):
            assert await probed.probe()
    assert (probed.health.state, probed.health.why) == ("serving", "")


async def test_who_speaks_no_tls(pair: Pair) -> None:
    async with serving({"/health": page()}) as answering:
        probed = endpoint(answering.port, Tls(ca=str(pair.certificate)))
        assert not await probed.probe()
    assert "TLS failed" in probed.health.why
