"""TLS to clients, as it is rendered; Envoy's own view of it is in tests/envoy."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from extproc import names
from extproc.dataplane import downstream_tls
from extproc.dataplane.render import render
from extproc.snapshot import Caller, Listen, ListenTls, Snapshot
from tests.dataplane.certificates import Ca
from tests.dataplane.envoy import complaints, place_in, running
from tests.dataplane.snapshots import llm, provider, snapshot

BASE = snapshot(provider("openai"), llm())
BY_CERTIFICATE = (Caller("a", None, certificate=("a.test",)),)


def listening(directory: Path, *, client_ca: bool = False, http3: bool = False) -> Snapshot:
    ca = Ca()
    certificate, key = ca.issue("gateway", "gateway.test").write(directory)
    (directory / "clients.pem").write_bytes(ca.certificate)
    tls = ListenTls(str(certificate), str(key), str(directory / "clients.pem") if client_ca else None)
    return replace(BASE, listen=Listen(tls=tls, http3=http3))


def rendered(one: Snapshot, directory: Path) -> str:
    return json.dumps(render(one, place_in(directory)).listeners)


@pytest.mark.envoy
@pytest.mark.parametrize("http3", [False, True], ids=["tcp", "http3"])
@pytest.mark.parametrize("client_ca", [False, True], ids=["anybody", "certified"])
def test_envoy_takes_it_without_a_warning(tmp_path: Path, client_ca: bool, http3: bool) -> None:
    one = listening(tmp_path, client_ca=client_ca, http3=http3)
    assert complaints(replace(one, callers=BY_CERTIFICATE if client_ca else ()), tmp_path) == ""


def test_nothing_of_it_is_there_without_tls(tmp_path: Path) -> None:
    text = rendered(BASE, tmp_path)
    absent = ("transport_socket", "alt-svc", "UDP", names.CTL_PEER, names.ATTR_PEER)
    assert not [word for word in absent if f'"{word}"' in text]


def test_the_files_are_named_and_nothing_of_what_they_hold_is_there(tmp_path: Path) -> None:
    one = listening(tmp_path, client_ca=True, http3=True)
    text = rendered(one, tmp_path)
    assert text.count("listen.certificate.json") == text.count("listen.client_ca.json") == 2
    assert "BEGIN" not in text and one.listen.tls is not None and one.listen.tls.key not in text


def test_a_certificate_is_asked_for_only_where_somebody_is_known_by_it(tmp_path: Path) -> None:
    certified = listening(tmp_path, client_ca=True)
    assert names.CTL_PEER not in rendered(certified, tmp_path)
    assert names.ATTR_PEER in rendered(certified, tmp_path)
    assert names.CTL_PEER in rendered(replace(certified, callers=BY_CERTIFICATE), tmp_path)
    assert names.ATTR_PEER not in rendered(listening(tmp_path), tmp_path)


def test_whoever_must_show_a_certificate_shows_it_each_time(tmp_path: Path) -> None:
    assert rendered(listening(tmp_path, client_ca=True), tmp_path).count('session_resumption": true') == 2
    assert "session_resumption" not in rendered(listening(tmp_path), tmp_path)


@pytest.mark.envoy
def test_who_connects_and_says_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downstream_tls, "HANDSHAKE_WITHIN", "0.5s")
    with (
        running(listening(tmp_path)) as envoy,
        socket.create_connection(("127.0.0.1", envoy.place.port), timeout=10) as silent,
    ):
        assert silent.recv(1) == b""
