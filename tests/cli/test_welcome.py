"""What a start proposes to try: only what would succeed with the very configuration."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extproc.app.origin import demo_document
from extproc.app.reaching import reached
from extproc.cli.welcome import requests_to_try, translated
from extproc.config.certificates import read_pair
from extproc.config.load import load_document
from extproc.dataplane.start import Started
from extproc.dataplane.supervise import Address
from extproc.snapshot import ListenTls, Snapshot
from tests.dataplane.certificates import Ca

OPENAI = {"dialect": "openai", "models": ["small"]}
CLAUDE = {"dialect": "anthropic", "models": ["claude-x-*", "claude-y"]}


def snapshot(document: Any) -> Snapshot:
    loaded = load_document(document, "test")
    assert loaded.compiled is not None, loaded.problems
    return loaded.compiled.snapshot


def tried(document: Any) -> dict[str, str]:
    started = Started("http://here", "http://admin", snapshot(document), "test", ())
    return dict(requests_to_try(started))


def test_the_demo_shows_a_translated_answer(tmp_path: Path) -> None:
    said = tried(demo_document(tmp_path))
    assert len(said) == 5
    assert '"model": "demo-translated"' in said["translated there and back: sage speaks anthropic"]


def test_a_listed_model_of_another_dialect_is_proposed_by_its_target() -> None:
    assert translated(snapshot({"providers": {"o": OPENAI, "c": CLAUDE}})) == [("c/claude-y", "c", "anthropic")]


def test_where_all_speak_the_callers_dialect_nothing_is_translated() -> None:
    said = tried({"providers": {"o": OPENAI}})
    assert len(said) == 3 and not any("translated" in what for what in said)


def test_where_several_answer_a_name_a_strategy_is_tried() -> None:
    two = {"a": OPENAI, "b": OPENAI}
    assert "x-extproc-strategy: cost" in str(tried({"providers": two}))
    assert "x-extproc-strategy" not in str(tried({"providers": {"a": OPENAI, "c": CLAUDE}}))


def test_by_certificate_no_key_is_asked_for_and_curl_is_told_the_files(tmp_path: Path) -> None:
    ca = Ca()
    certificate, key = ca.issue("gateway", "gateway.test").write(tmp_path, "server")
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    tls = {"certificate": str(certificate), "key": str(key), "client_ca": str(tmp_path / "ca.pem")}
    callers = [{"name": "a", "certificate": "a.test"}]
    document = {"providers": {"o": OPENAI}, "listen": {"tls": tls}, "callers": callers}
    compiled = load_document(document, "test").compiled
    assert compiled is not None
    at = reached(Address("0.0.0.0", 8443, True), compiled.snapshot.listen.tls, compiled.listener.pair)
    started = Started("https://127.0.0.1:8443", "http://admin", compiled.snapshot, "test", (), at)
    said = dict(requests_to_try(started))["what may be asked for"]
    assert said == (
        "curl -s https://gateway.test:8443/v1/models --resolve gateway.test:8443:127.0.0.1"
        f" --cacert {certificate} --cert YOUR-CERTIFICATE.pem --key YOUR-KEY.pem"
    )


def test_a_certificate_for_the_address_needs_no_other_name(tmp_path: Path) -> None:
    issued = Ca().issue("gateway", "gateway.test", "127.0.0.1")
    pair = read_pair(issued.certificate, issued.key, datetime.now(UTC))
    at = reached(Address("127.0.0.1", 8443, True), ListenTls("/a b/c.pem", "k"), pair)
    assert (at.url, at.options) == ("https://127.0.0.1:8443", " --cacert '/a b/c.pem'")
    assert reached(Address("127.0.0.1", 8080), None, None).url == "http://127.0.0.1:8080"
