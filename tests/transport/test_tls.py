"""The hop with certificates: who is let in, and what happens when files change."""

import logging

import grpc
import grpc.aio
import pytest

from extproc.transport.grpc_server import HEALTH_CHECK, GrpcServer
from extproc.transport.health import SERVING
from extproc.transport.listen import ListenError
from tests.dataplane.certificates import DAY, Ca
from tests.transport.hop import NAME, dial, pki, show


@pytest.fixture
def hop(directory):
    return pki(directory)


@pytest.fixture
async def server(hop):
    made = GrpcServer(["127.0.0.1:0"], lambda metadata: None, lambda: None, tls=hop.files)
    await made.start()
    yield made
    await made.drain(0)


async def asks(server, hop, client=None) -> bool:
    """Whether who shows this certificate gets an answer, and takes it."""
    async with dial(server.addresses[0], hop, client) as channel:
        try:
            return await channel.unary_unary(HEALTH_CHECK)(b"", timeout=20) == SERVING
        except grpc.aio.AioRpcError:
            return False


async def test_the_right_certificate_is_let_in_and_no_other(server, hop):
    assert await asks(server, hop)
    assert not await asks(server, hop, Ca("a stranger's").issue("envoy"))


async def test_without_a_certificate_and_without_tls_nobody_is_let_in(server, hop):
    credentials = grpc.ssl_channel_credentials(hop.server_ca.certificate)
    options = [("grpc.ssl_target_name_override", NAME)]
    for channel in (
        grpc.aio.secure_channel(server.addresses[0], credentials, options=options),
        grpc.aio.insecure_channel(server.addresses[0]),
    ):
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(HEALTH_CHECK)(b"", timeout=20)


async def test_new_files_are_shown_to_the_next_connection_and_the_open_one_goes_on(server, hop):
    async with dial(server.addresses[0], hop) as open_one:
        assert await open_one.unary_unary(HEALTH_CHECK)(b"") == SERVING
        before, hop.server_ca = hop.server_ca, Ca("the next")
        show(hop.files, hop.server_ca.issue("processor", NAME), hop.client_ca)
        assert await asks(server, hop)
        assert await open_one.unary_unary(HEALTH_CHECK)(b"") == SERVING
        hop.server_ca = before
        assert not await asks(server, hop)


async def test_a_new_ca_for_clients_is_trusted_and_the_old_one_is_not(server, hop):
    clients = Ca("of another Envoy")
    hop.files.client_ca.write_bytes(clients.certificate)
    assert await asks(server, hop, clients.issue("envoy"))
    assert not await asks(server, hop)


async def test_files_that_do_not_fit_change_nothing_and_are_told_once(server, hop, caplog):
    caplog.set_level(logging.INFO)
    pair = hop.server_ca.issue("processor", NAME)
    hop.files.certificate.write_bytes(pair.certificate)
    assert await asks(server, hop)
    assert await asks(server, hop)
    (said,) = [record.getMessage() for record in caplog.records if record.name == "extproc"]
    assert said.startswith("the new certificates for Envoy are not used: --tls-key") and "does not fit" in said
    hop.files.key.write_bytes(pair.key)
    assert await asks(server, hop)
    assert caplog.records[-1].getMessage() == "the new certificates for Envoy are in use"


@pytest.mark.parametrize("missing", ["certificate", "key", "client_ca"])
async def test_files_that_vanish_change_nothing(server, hop, missing):
    getattr(hop.files, missing).unlink()
    assert await asks(server, hop)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda hop: hop.files.key.write_bytes(b"nothing"), "--tls-key .*holds no PEM private key"),
        (lambda hop: hop.files.client_ca.unlink(), "--tls-client-ca .*clients.pem: no such file"),
        (lambda hop: show(hop.files, hop.server_ca.issue("p", NAME, ends=-DAY / 2), hop.client_ca), "expired"),
    ],
)
async def test_a_start_with_files_that_are_none_says_which(hop, spoil, said):
    spoil(hop)
    with pytest.raises(ListenError, match=said):
        await GrpcServer(["127.0.0.1:0"], lambda metadata: None, lambda: None, tls=hop.files).start()
