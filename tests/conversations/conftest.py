"""One suite, every transport: a peer added to TRANSPORTS plays all scripts."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conversations.peers import DirectPeer, GrpcPeer, LeanPeer, Peer

TRANSPORTS = [DirectPeer, GrpcPeer, LeanPeer]


@pytest.fixture(params=TRANSPORTS, ids=lambda peer: peer.__name__)
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    made: Peer = request.param()
    yield made
    await made.stop()


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, because a socket's path holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="x", dir="/tmp") as made:
        yield Path(made)
