"""TLS towards clients: which files are named and followed, what they hold, and callers known by certificates."""

from pathlib import Path

import pytest

from extproc.snapshot import ListenTls
from tests.config.places import LAB, compiled, loaded, messages
from tests.dataplane.certificates import DAY, Ca

CA = Ca()
ISSUED, OTHER = CA.issue("gateway", "gateway.test"), CA.issue("other")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    ISSUED.write(tmp_path, "server")
    OTHER.write(tmp_path, "other")
    CA.issue("over", begins=-2 * DAY, ends=-DAY).write(tmp_path, "over")
    CA.issue("soon", ends=DAY).write(tmp_path, "soon")
    (tmp_path / "ca.pem").write_bytes(CA.certificate)
    (tmp_path / "text").write_text("this is no PEM")
    return tmp_path


def written(tls: str, more: str = "") -> str:
    return f"providers: {{{LAB}}}\nlisten: {{tls: {{{tls}}}}}\n{more}"


GOOD = "certificate: server.pem, key: server.key"
WITH_CA = f"{GOOD}, client_ca: ca.pem"


def test_all_of_it_arrives_is_followed_and_holds_no_key(place: Path) -> None:
    found = loaded(place, written(WITH_CA))
    assert found.compiled is not None, found.problems
    listen = found.compiled.snapshot.listen
    assert listen.tls == ListenTls(str(place / "server.pem"), str(place / "server.key"), str(place / "ca.pem"))
    assert {place / "server.pem", place / "server.key", place / "ca.pem"} <= set(found.files)
    held = found.compiled.listener
    assert held.pair is not None and held.pair.key.encode() == ISSUED.key
    assert held.ca is not None and held.ca.certificates.encode() == CA.certificate
    assert ISSUED.key.decode().splitlines()[1] not in repr(found.compiled)
    assert found.compiled.snapshot.clients_show_certificates and not found.compiled.snapshot.knows_by_certificate


def test_new_contents_are_the_same_configuration(place: Path) -> None:
    before = compiled(place, written(WITH_CA)).snapshot
    OTHER.write(place, "server")
    assert compiled(place, written(WITH_CA)).snapshot == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("certificate: server.pem, key: other.key", "key: the key does not fit the certificate"),
        ("certificate: server.pem, key: text", "key: the file holds no PEM private key"),
        ("certificate: text, key: server.key", "certificate: the file holds no PEM certificates"),
        ("certificate: over.pem, key: over.key", "certificate: the certificate expired on"),
        ("certificate: '', key: server.key", "certificate: names no file"),
        (f"{GOOD}, client_ca: text", "client_ca: the file holds no PEM certificates"),
        (f"{GOOD}, client_ca: nowhere", "client_ca: the file of CA certificates cannot be read"),
    ],
)
def test_what_cannot_be_shown_is_one_problem(place: Path, text: str, said: str) -> None:
    (message,) = messages(loaded(place, written(text)))
    assert f" listen.tls.{said}" in message


def test_a_section_with_a_mistake_is_no_mistake_of_callers(place: Path) -> None:
    (message,) = messages(loaded(place, written("key: server.key", "callers: [{name: a, certificate: a.test}]")))
    assert " listen.tls.certificate: is missing" in message


def test_an_end_that_is_near_is_told(place: Path) -> None:
    (note,) = loaded(place, written("certificate: soon.pem, key: soon.key")).notes
    assert "listen.tls.certificate: the certificate expires on" in note


def test_callers_by_certificate(place: Path) -> None:
    text = """\
callers:
  - {name: a, certificate: a.test}
  - {name: b, certificate: ["*.test", "spiffe://mesh/*"]}
  - {name: c, certificate: "a.test", key: both}
  - {name: d, key: alone}
  - {name: e, certificate: "*"}
"""
    found = compiled(place, written(WITH_CA, text)).snapshot
    assert found.knows_by_certificate
    assert [(caller.certificate, caller.key_sha256 is not None) for caller in found.callers] == [
        (("a.test",), False),
        (("*.test", "spiffe://mesh/*"), False),
        (("a.test",), True),
        ((), True),
        (("*",), False),
    ]


@pytest.mark.parametrize(
    ("first", "second", "pattern"),
    [
        ("a.test", "A.test", "A.test"),
        ("'*.test'", "a.test", "a.test"),
        ("'*'", "CN=a", "CN=a"),
        ("[x.test, 'spiffe://a/*']", "[y.test, 'spiffe://a/b']", "spiffe://a/b"),
    ],
)
def test_a_caller_that_another_hides_is_a_mistake(place: Path, first: str, second: str, pattern: str) -> None:
    text = f"callers: [{{name: a, certificate: {first}}}, {{name: b, certificate: {second}}}]"
    (message,) = messages(loaded(place, written(WITH_CA, text)))
    assert f"callers[1].certificate: the caller `a` takes all that fits `{pattern}`" in message
