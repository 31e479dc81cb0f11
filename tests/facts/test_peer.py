"""Names in a client's certificate, and the patterns over them."""

import hashlib
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from extproc.facts.peer import Kind, Peer, fits, is_covered, kind_of, named, read_peer
from tests.dataplane.certificates import Ca, Issued

CA = Ca()
ALICE = CA.issue("alice", "A.test", "b.test", "spiffe://mesh/a;DNS=c.test,d.test", "Alice@People.TEST", "10.0.0.1")


def digest(issued: Issued) -> str:
    return hashlib.sha256(x509.load_pem_x509_certificate(issued.certificate).public_bytes(Encoding.DER)).hexdigest()


def read(issued: Issued) -> Peer:
    found = read_peer(quote(issued.certificate.decode()), digest(issued))
    assert found is not None
    return found


def test_all_names_are_read_each_as_what_it_is() -> None:
    assert read(ALICE).names == {
        ("subject", "CN=alice"),
        ("dns", "a.test"),
        ("dns", "b.test"),
        ("uri", "spiffe://mesh/a;DNS=c.test,d.test"),
        ("email", "Alice@people.test"),
    }
    assert read(CA.issue("bob")).names == {("subject", "CN=bob")}


@pytest.mark.parametrize("said", ["", "0" * 64, digest(CA.issue("alice"))])
def test_a_certificate_that_the_connection_has_not_shown_is_nobodys(said: str) -> None:
    assert read_peer(quote(ALICE.certificate.decode()), said) is None


@pytest.mark.parametrize(
    "text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "%ff%00"]
)
def test_garbage_is_nobodys(text: str) -> None:
    assert read_peer(text, digest(ALICE)) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("*", "any"),
        ("a.test", "dns"),
        ("*.a.test", "dns"),
        ("a@b.test", "email"),
        ("*@b.test", "email"),
        ("spiffe://mesh/a", "uri"),
        ("spiffe://mesh/a?b=c", "uri"),
        ("*://mesh/a", "uri"),
        ("urn:uuid:1", "uri"),
        ("mailto:a@b.test", "uri"),
        ("CN=a", "subject"),
        ("CN=a:b,O=c", "subject"),
        ("CN=a@b.test", "subject"),
        ("*,O=Acme", "subject"),
    ],
)
def test_a_pattern_tells_its_kind(text: str, kind: Kind) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("pattern", "name", "does"),
    [
        ("*", "anything", True),
        ("a.test", "A.Test", True),
        ("a.test.", "a.test", True),
        ("*.test", "a.b.test", True),
        ("a.test", "b.a.test", False),
        ("a.test", "a.testing", False),
        ("a?test", "a.test", False),
        ("*@people.test", "Ann@PEOPLE.test", True),
        ("ann@people.test", "Ann@people.test", False),
        ("spiffe://mesh/*", "spiffe://mesh/a/b", True),
        ("spiffe://mesh/*", "spiffe://mesh2/a", False),
        ("spiffe://mesh/A", "spiffe://mesh/a", False),
        ("CN=a", "CN=a,O=b", False),
        ("CN=a,*", "CN=a,O=b", True),
        ("*.test", "https://evil.example/x.test", False),  # no URI is taken for a host
        ("*.test", "CN=x.test", False),
        ("*.test", "x@y.test", False),
    ],
)
def test_patterns(pattern: str, name: str, does: bool) -> None:
    assert fits(pattern, named([name])) is does


def test_only_every_certificate_fits_one_without_names() -> None:
    assert fits("*", Peer()) and not fits("*.test", Peer()) and not fits("CN=*", Peer())


@pytest.mark.parametrize(
    ("pattern", "by", "is_so"),
    [
        ("a.test", "a.test", True),
        ("A.test", "a.TEST", True),
        ("a.test", "*.test", True),
        ("*.a.test", "*.test", True),
        ("*.test", "*.a.test", False),
        ("*", "*.test", False),
        ("*.test", "*", True),
        ("CN=a.test", "*.test", False),
    ],
)
def test_what_covers_what(pattern: str, by: str, is_so: bool) -> None:
    assert is_covered(pattern, by) is is_so
