"""A server as most of those behind TLS are: it offers HTTP/2 and HTTP/1.1, and takes WebSockets in HTTP/1.1 alone."""

import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extproc.dataplane.form import EXTENSIONS
from tests.dataplane.certificates import Ca
from tests.dataplane.envoy import binary
from tests.envoy.gateway import free_port
from tests.envoy.processes import eventually


@contextmanager
def offering_both(behind: int, ca: Ca | None) -> Iterator[int]:
    """An Envoy of its own on a port, in front of the server on port `behind`. Without a CA it speaks no TLS, and takes
    HTTP/2 from who begins with it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="front-") as made:
        directory = Path(made)
        pair = ca.issue("front", "127.0.0.1").write(directory, "front") if ca is not None else None
        file = directory / "front.json"
        file.write_text(json.dumps(_configuration(port, behind, pair)))
        command = [binary(), "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1", "-l", "off"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                eventually(lambda: _listens(port), "the front", 20)
                yield port
            finally:
                process.terminate()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def _tls(pair: tuple[Path, Path] | None) -> dict[str, Any]:
    if pair is None:
        return {}
    certificate, key = pair
    shown = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
    context = {
        "@type": f"{EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [shown]},
    }
    return {"transport_socket": {"name": "tls", "typed_config": context}}


def _configuration(port: int, behind: int, pair: tuple[Path, Path] | None) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "behind", "timeout": "0s"}}
    router = {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": [{"name": "router", "typed_config": router}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    chain = {**_tls(pair), "filters": [{"name": "http", "typed_config": manager}]}
    endpoint = {"endpoint": {"address": _address(behind)}}
    return {
        "static_resources": {
            "listeners": [{"name": "front", "address": _address(port), "filter_chains": [chain]}],
            "clusters": [
                {
                    "name": "behind",
                    "load_assignment": {"cluster_name": "behind", "endpoints": [{"lb_endpoints": [endpoint]}]},
                }
            ],
        }
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
