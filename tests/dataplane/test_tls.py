"""Providers by TLS: the certificate must be of a known CA and bear the provider's name."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from extproc import names
from extproc.snapshot import Endpoint, Provider, Tls
from tests.dataplane.certificates import DAY, Ca
from tests.dataplane.envoy import Running, eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
UPSTREAM = Upstream()


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path_factory.mktemp("tls")
    certificate, key = made / "certificate.pem", made / "key.pem"
    _certify(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with answering(UPSTREAM, tls=context):

        def known(name: str, tls: Tls) -> Provider:
            return replace(provider(name, Endpoint("https", "127.0.0.1", UPSTREAM.port)), tls=tls)

        ca = str(certificate)
        providers = (
            known("address", Tls(ca=ca)),
            known("name", Tls(ca=ca, server_name="a.good.test")),
            known("wrong", Tls(ca=ca, server_name="a.bad.test")),
            known("stranger", Tls()),
        )
        with running(snapshot(*providers, llm())) as envoy, serving(Processor(), envoy.place):
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "address"}).status == 200, within=10)
            yield envoy


def _certify(certificate: Path, key: Path) -> None:
    names_of_it = "subjectAltName=DNS:*.good.test,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    files = ["-keyout", str(key), "-out", str(certificate), "-addext", names_of_it]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize("name", ["address", "name"])
def test_who_bears_the_name_is_asked(envoy: Running, name: str) -> None:
    """By an address, or by a name that a wildcard covers."""
    assert envoy.ask("GET", "/v1/models", {"x-plan": name}).headers[names.TARGET] == f"{name}/m"


@pytest.mark.parametrize("name", ["wrong", "stranger"])
def test_who_does_not_is_never_asked(envoy: Running, name: str) -> None:
    """Another name, or a CA that nobody knows: the plan goes on, and no credential has been sent."""
    UPSTREAM.asked.clear()
    assert envoy.ask("GET", "/v1/models", {"x-plan": name}).code == "no_target_available"
    assert UPSTREAM.asked == []
    assert envoy.ask("GET", "/v1/models", {"x-plan": f"{name},name"}).headers[names.TARGET] == "name/m"


def test_who_shows_a_certificate_that_is_over_is_never_asked(tmp_path: Path) -> None:
    """Its CA is known and its name right: the plan goes on all the same."""
    ca, late = Ca(), Upstream()
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    over = ca.issue("server", "127.0.0.1", begins=-2 * DAY, ends=-DAY)
    context.load_cert_chain(*over.write(tmp_path, "server"))
    with answering(late, tls=context), answering(UPSTREAM):
        at = Endpoint("https", "127.0.0.1", late.port)
        secure = replace(provider("late", at), tls=Tls(ca=str(tmp_path / "ca.pem")))
        made = snapshot(secure, provider("good", UPSTREAM.endpoint), llm())
        with running(made) as envoy, serving(Processor(), envoy.place):
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            assert envoy.ask("GET", "/v1/models", {"x-plan": "late,good"}).headers[names.TARGET] == "good/m"
            assert envoy.ask("GET", "/v1/models", {"x-plan": "late"}).code == "no_target_available"
    assert late.asked == []
