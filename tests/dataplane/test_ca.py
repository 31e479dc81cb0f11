"""Where the CA certificates come from."""

import os
import re
from dataclasses import replace
from pathlib import Path

import certifi
import pytest

from extproc.dataplane import ca
from extproc.snapshot import Endpoint, Tls
from tests.dataplane.snapshots import llm, provider, service, snapshot

PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
SYSTEMS = {
    "Debian": "/etc/ssl/certs/ca-certificates.crt",
    "Red Hat": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "old Red Hat": "/etc/pki/tls/certs/ca-bundle.crt",
    "SUSE": "/var/lib/ca-certificates/ca-bundle.pem",
    "older SUSE": "/etc/ssl/ca-bundle.pem",
    "Alpine": "/etc/ssl/cert.pem",
    "macOS": "/etc/ssl/cert.pem",
    "Homebrew": "/opt/homebrew/etc/ca-certificates/cert.pem",
}


def bundles_below(root: Path) -> list[str]:
    return [f"{root}{bundle}" for bundle in ca.SYSTEM_BUNDLES]


def put(root: Path, bundle: str, text: str = PEM) -> str:
    file = Path(f"{root}{bundle}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_systems_bundle_is_found(tmp_path: Path, system: str) -> None:
    """On a machine that has that one alone."""
    there = put(tmp_path, SYSTEMS[system])
    assert ca.find_ca_bundle({}, bundles_below(tmp_path)) == there


@pytest.mark.parametrize("unfit", ["", "not a certificate\n"])
def test_a_systems_bundle_that_holds_nothing_is_passed_over(tmp_path: Path, unfit: str) -> None:
    """As images have it whose certificates were never made."""
    put(tmp_path, SYSTEMS["Debian"], unfit)
    assert ca.find_ca_bundle({}, bundles_below(tmp_path)) == certifi.where()
    there = put(tmp_path, SYSTEMS["Alpine"])
    assert ca.find_ca_bundle({}, bundles_below(tmp_path)) == there


def test_what_the_operator_says_goes_first(tmp_path: Path) -> None:
    """SSL_CERT_FILE; empty is not said."""
    system, said = put(tmp_path, SYSTEMS["Debian"]), put(tmp_path, "/corporate.pem")
    bundles = bundles_below(tmp_path)
    assert ca.find_ca_bundle({"SSL_CERT_FILE": said}, bundles) == said
    assert ca.find_ca_bundle({"SSL_CERT_FILE": ""}, bundles) == system


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("missing", "no such file or directory"),
        ("directory", "is a directory"),
        ("empty", "it holds no certificate"),
        ("unreadable", "permission denied"),
        ("key", "it holds no certificate"),
    ],
)
def test_what_the_operator_says_and_cannot_be_used_is_an_error(tmp_path: Path, what: str, why: str) -> None:
    """And nothing else is taken instead: whoever names a bundle does not want another trusted."""
    put(tmp_path, SYSTEMS["Debian"])
    said = tmp_path / "said.pem"
    if what == "directory":
        said.mkdir()
    elif what == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        said.touch(mode=0)
    elif what != "missing":
        said.write_text("" if what == "empty" else "-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(ca.NoCaBundle, match=f"^{re.escape(f'SSL_CERT_FILE={said}: {why}')}; name a PEM file"):
        ca.find_ca_bundle({"SSL_CERT_FILE": str(said)}, bundles_below(tmp_path))


def test_certifi_is_the_last_resort(tmp_path: Path) -> None:
    """On a system without certificates."""
    assert ca.find_ca_bundle({}, bundles_below(tmp_path)) == certifi.where()


def test_nothing_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what to do."""
    monkeypatch.setitem(__import__("sys").modules, "certifi", None)
    with pytest.raises(ca.NoCaBundle, match="install ca-certificates, set SSL_CERT_FILE"):
        ca.find_ca_bundle({}, [])


def test_only_strangers_certificates_need_a_bundle() -> None:
    """Not http:// and sockets, and not who brings a CA."""
    plain, secure = Endpoint("http", "127.0.0.1", 9), Endpoint("https", "api.example.com", 443)
    own = replace(provider("own", secure), tls=Tls(ca="/etc/ca.pem"))
    assert not ca.needs_ca_bundle(snapshot(provider("a", plain), service("b", plain), own, llm()))
    assert ca.needs_ca_bundle(snapshot(provider("a", plain), service("b", secure), llm()))
