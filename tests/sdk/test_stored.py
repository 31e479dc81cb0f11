"""Files, uploads, batches and realtime by the official client library, in both generations."""

from pathlib import Path

import pytest
import websockets

from tests.envoy.gateway import running
from tests.envoy.sockets import sockets
from tests.envoy.upstream import scripted
from tests.sdk.environments import Environment
from tests.sdk.store import Store
from tests.sdk.test_openai import run


@pytest.mark.envoy
def test_the_client_library_keeps_files_and_runs_batches(generation: Environment) -> None:
    with scripted(Store()) as upstream:
        lab = {"dialect": "openai", "base_url": f"{upstream.origin}/v1", "credential": "sk-lab"}
        with running({"providers": {"lab": lab}, "callers": [{"name": "sdk", "key": "gw-key"}]}) as gateway:
            run(generation, "stored", f"{gateway.url}/v1", "gw-key")


@pytest.mark.envoy
def test_the_client_library_talks_over_a_websocket(generation: Environment, tmp_path: Path) -> None:
    (tmp_path / "websockets").symlink_to(Path(websockets.__file__).parent)
    with sockets() as server:
        lab = {
            "dialect": "openai",
            "base_url": f"{server.origin}/v1",
            "credential": "sk-lab",
            "models": ["gpt-realtime"],
        }
        aliases = {"voice": ["lab/gpt-realtime"]}
        callers = [{"name": "sdk", "key": "gw-key"}]
        with running({"providers": {"lab": lab}, "aliases": aliases, "callers": callers}) as gateway:
            run(generation, "realtime", f"{gateway.url}/v1", "gw-key", str(tmp_path))
        assert [one.path for one in server.handshakes] == ["/v1/realtime?model=gpt-realtime", "/v1/realtime?call_id=7"]
        assert {one.headers["authorization"] for one in server.handshakes} == {"Bearer sk-lab"}
