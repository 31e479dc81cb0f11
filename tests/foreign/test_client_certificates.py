"""Callers by their certificates in the portable form, whose edge takes less off than the whole form's does."""

import base64
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dataplane.certificates import Ca, Issued
from tests.dataplane.upstream import Upstream, answering
from tests.foreign.scene import Foreign, Scene, beside, static
from tests.foreign.test_portable import ANSWER

pytestmark = pytest.mark.envoy
LAB = Upstream(body=ANSWER)
CA = Ca()
KNOWN, STRANGER = CA.issue("known", "known.example.com"), CA.issue("stranger", "stranger.example.com")


@pytest.fixture(scope="module")
def foreign() -> Iterator[tuple[Foreign, Path]]:
    with tempfile.TemporaryDirectory() as name, answering(LAB):
        there = Path(name)
        (there / "ca.pem").write_bytes(CA.certificate)
        CA.issue("server", "127.0.0.1").write(there, "server")
        for who, issued in (("known", KNOWN), ("stranger", STRANGER)):
            issued.write(there, who)
        config = f"""
providers: {{lab: {{dialect: openai, base_url: "http://127.0.0.1:{LAB.port}/v1", models: [m]}}}}
callers: [{{name: ci, certificate: known.example.com}}]
listen: {{tls: {{certificate: {there}/server.pem, key: {there}/server.key, client_ca: {there}/ca.pem}}}}
"""
        with beside(config, static("portable"), ready=lambda scene: _answers(scene, there)) as running:
            yield running, there


def _client(there: Path, who: str) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(there / "ca.pem"))
    context.load_cert_chain(there / f"{who}.pem", there / f"{who}.key")
    return httpx.Client(verify=context, timeout=20, trust_env=False)


def _answers(scene: Scene, there: Path) -> bool:
    with _client(there, "known") as client:
        return client.get(f"https://127.0.0.1:{scene.port}/v1/models").status_code == 200


def _chat(foreign: Foreign, there: Path, who: str, **headers: str) -> httpx.Response:
    with _client(there, who) as client:
        url = f"https://127.0.0.1:{foreign.scene.port}/v1/chat/completions"
        return client.post(url, json={"model": "m", "messages": []}, headers=headers)


def test_a_caller_is_known_by_its_certificate(foreign: tuple[Foreign, Path]) -> None:
    running, there = foreign
    answer = _chat(running, there, "known")
    assert answer.status_code == 200
    assert running.decision(answer.headers["x-extproc-request-id"])["caller"] == "ci"


def test_nobody_gets_in_by_saying_another_certificate(foreign: tuple[Foreign, Path]) -> None:
    running, there = foreign
    assert _chat(running, there, "stranger").status_code == 401
    forged = {"x-extproc-ctl-peer": _said(KNOWN)}
    assert _chat(running, there, "stranger", **forged).status_code == 401


def _said(issued: Issued) -> str:
    return base64.b64encode(issued.certificate).decode()
