"""TLS towards upstreams as it is written: files are read and checked, and what is wrong is said at its key."""

import json
from pathlib import Path
from typing import Any

import pytest

from extproc.config.load import Loaded, load
from tests.dataplane.certificates import DAY, Ca

CA, STRANGERS = Ca(), Ca("others")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    CA.issue("us").write(tmp_path)
    CA.issue("another").write(tmp_path, "another")
    CA.issue("us", begins=-2 * DAY, ends=-DAY).write(tmp_path, "over")
    CA.issue("us", ends=3 * DAY).write(tmp_path, "soon")
    (tmp_path / "ca.pem").write_bytes(CA.certificate)
    (tmp_path / "old.pem").write_bytes(Ca(begins=-2 * DAY, ends=-DAY).certificate)
    (tmp_path / "junk.pem").write_text("junk")
    return tmp_path


def loaded(place: Path, tls: dict[str, Any], section: str = "providers", **more: Any) -> Loaded:
    upstream: dict[str, Any] = {"endpoints": ["https://lab.test"], "tls": tls, **more}
    if section == "providers":
        upstream |= {"dialect": "openai"}
    file = place / "extproc.yaml"
    file.write_text(json.dumps({section: {"lab": upstream}}))
    return load(file, {})


def pair(name: str) -> dict[str, str]:
    return {"client_certificate": f"{name}.pem", "client_key": f"{name}.key"}


@pytest.mark.parametrize("section", ["providers", "services"])
def test_what_is_named_is_watched_and_goes_past_the_snapshot(place: Path, section: str) -> None:
    found = loaded(place, {**pair("client"), "ca": "ca.pem", "server_name": "a.test"}, section)
    assert found.compiled is not None and found.notes == ()
    held = found.compiled.certificates["lab"]
    assert held.pair is not None and held.ca is not None
    assert held.pair.certificate == (place / "client.pem").read_text()
    assert held.ca.certificates == CA.certificate.decode()
    assert {place / name for name in ("client.pem", "client.key", "ca.pem")} <= set(found.files)
    assert "PRIVATE KEY" not in repr(found)


def test_new_contents_are_the_same_snapshot(place: Path) -> None:
    """So that nothing is rolled over: the cluster stays, only its secret is new."""
    tls = {**pair("client"), "ca": "ca.pem"}
    first, _ = loaded(place, tls), CA.issue("us").write(place)
    second = loaded(place, tls)
    assert first.compiled is not None and second.compiled is not None
    assert first.compiled.snapshot == second.compiled.snapshot
    assert first.compiled.certificates["lab"].pair != second.compiled.certificates["lab"].pair


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "another's key": ({"client_certificate": "client.pem", "client_key": "another.key"}, "client_key", "does not fit"),
    "over": (pair("over"), "client_certificate", "expired on"),
    "no key": ({"client_certificate": "client.pem", "client_key": "junk.pem"}, "client_key", "no PEM private key"),
    "no certificate": ({"client_certificate": "junk.pem", "client_key": "client.key"}, "client_certificate", "no PEM"),
    "a CA that is over": ({"ca": "old.pem"}, "ca", "the CA certificate expired on"),
    "a CA of junk": ({"ca": "junk.pem"}, "ca", "no PEM certificates"),
    "no file": ({"ca": "none.pem"}, "ca", "cannot be read: no such file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_at_its_key(place: Path, name: str) -> None:
    tls, key, words = WRONG[name]
    found = loaded(place, tls)
    (problem,) = found.problems
    assert f"providers.lab.tls.{key}: " in str(problem) and words in str(problem)


def test_what_ends_soon_is_noted_with_its_date(place: Path) -> None:
    found = loaded(place, pair("soon"))
    assert found.compiled is not None
    (note,) = (each for each in found.notes if "expires on" in each)
    assert "providers.lab.tls.client_certificate: the certificate expires on 20" in note
