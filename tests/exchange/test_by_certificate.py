"""A caller's certificate counts only where Envoy itself says that the connection has shown it."""

import hashlib
from dataclasses import replace
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from extproc import names
from extproc.protocol.events import Context
from extproc.protocol.replies import Turn
from extproc.snapshot import Caller, Listen, ListenTls, Snapshot
from tests.dataplane.certificates import Ca
from tests.exchange.scene import PROVIDERS, ROUTES, Scene, error_of, request, snapshot

ISSUED = Ca().issue("ci", "ci.test")
PEM = quote(ISSUED.certificate.decode())
DIGEST = hashlib.sha256(x509.load_pem_x509_certificate(ISSUED.certificate).public_bytes(Encoding.DER)).hexdigest()
CERTIFIED = Listen(tls=ListenTls("a", "b", "c"))
CONFIGURED = replace(
    snapshot(PROVIDERS, ROUTES), listen=CERTIFIED, callers=(Caller("ci", None, certificate=("ci.test",)),)
)


async def answered(configured: Snapshot, digest: str | None) -> Turn:
    scene = Scene(configured)
    key = names.route_key(configured.id, "main", "models")
    event = request(key, method="GET", path="/v1/models", headers={names.CTL_PEER: PEM}, end=True)
    told = {**event.context.attributes, **({names.ATTR_PEER: digest} if digest is not None else {})}
    return await scene.router().on(replace(event, context=Context(told)))


@pytest.mark.parametrize("digest", [DIGEST, DIGEST.upper()])
async def test_a_certificate_that_the_connection_has_shown_is_believed(digest: str) -> None:
    assert (await answered(CONFIGURED, digest)).reply.status == 200


@pytest.mark.parametrize("digest", [None, "", "0" * 64])
async def test_one_that_only_the_request_tells_is_not(digest: str | None) -> None:
    assert error_of(await answered(CONFIGURED, digest))["code"] == "invalid_api_key"


async def test_without_a_client_ca_nobody_is_known_by_one() -> None:
    assert error_of(await answered(replace(CONFIGURED, listen=Listen()), DIGEST))["code"] == "invalid_api_key"
