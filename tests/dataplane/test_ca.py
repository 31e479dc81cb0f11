"""Where the CA certificates come from."""

from pathlib import Path

import certifi
import pytest

from extproc.dataplane import ca


def test_what_the_operator_says_goes_first(tmp_path: Path) -> None:
    """SSL_CERT_FILE, where it is a file; else the system's."""
    said, system = tmp_path / "said.pem", tmp_path / "system.pem"
    system.touch()
    assert ca.find_ca_bundle({"SSL_CERT_FILE": str(said)}, [str(system)]) == str(system)
    said.touch()
    assert ca.find_ca_bundle({"SSL_CERT_FILE": str(said)}, [str(system)]) == str(said)


def test_certifi_is_the_last_resort(tmp_path: Path) -> None:
    """On a system without certificates."""
    assert ca.find_ca_bundle({}, [str(tmp_path / "none")]) == certifi.where()


def test_nothing_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what to do."""
    monkeypatch.setitem(__import__("sys").modules, "certifi", None)
    with pytest.raises(ca.NoCaBundle, match="SSL_CERT_FILE"):
        ca.find_ca_bundle({}, [])
