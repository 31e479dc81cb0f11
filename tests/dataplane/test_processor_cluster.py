"""Where processors are: sockets, addresses, names; with TLS or without. Envoy accepts every one without a warning."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extproc.config.addresses import NotAnAddress
from extproc.dataplane.place import Place, ProcessorTls
from extproc.dataplane.processor_cluster import processor_cluster, processor_endpoints, tls_files
from extproc.dataplane.render import Rendered, whole
from tests.dataplane.certificates import Ca
from tests.dataplane.envoy import binary, place_in, written
from tests.dataplane.snapshots import llm, provider, snapshot

SOCKETS = ("/run/p0.sock", "/run/p1.sock")
ADDRESSES = ("127.0.0.1:5001", "[::1]:5002")
NAMES = ("extproc.default.svc:5001", "10.0.0.1:5001")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_in(tmp_path)


def hosts(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["endpoint"]["address"] for one in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]]


def test_sockets_are_pipes(place: Place) -> None:
    cluster = processor_cluster(replace(place, processors=SOCKETS))
    assert (cluster["type"], hosts(cluster)) == ("STATIC", [{"pipe": {"path": path}} for path in SOCKETS])


def test_addresses_are_not_looked_up(place: Place) -> None:
    cluster = processor_cluster(replace(place, processors=ADDRESSES))
    assert cluster["type"] == "STATIC"
    assert hosts(cluster) == [
        {"socket_address": {"address": "127.0.0.1", "port_value": 5001}},
        {"socket_address": {"address": "::1", "port_value": 5002}},
    ]


def test_a_name_is_looked_up_and_each_of_its_addresses_is_a_processor(place: Place) -> None:
    cluster = processor_cluster(replace(place, processors=NAMES))
    assert cluster["cluster_type"]["name"] == "envoy.cluster.dns"
    assert "all_addresses_in_single_endpoint" not in cluster["cluster_type"]["typed_config"]


def test_older_envoys_are_told_in_their_words(place: Place) -> None:
    assert processor_cluster(replace(place, processors=NAMES, form="portable"))["type"] == "STRICT_DNS"


@pytest.mark.parametrize(
    "processors", [(), ("p0.sock",), ("host",), ("::1:5001",), ("host:0",), ("host:5001/path",), ("/run/p", "h:1")]
)
def test_what_is_no_address_is_said_so(processors: tuple[str, ...]) -> None:
    with pytest.raises(NotAnAddress):
        processor_endpoints(processors)


def test_a_socket_may_be_written_as_serve_takes_it() -> None:
    assert processor_endpoints(("unix:///run/p0.sock",)) == processor_endpoints(("/run/p0.sock",))


def test_without_tls_there_is_nothing_to_follow(place: Place) -> None:
    assert tls_files(place) == {}


def complaints(place: Place, directory: Path) -> str:
    rendered = written(snapshot(provider("lab"), llm()), place)
    _write_processor_files(rendered)
    path = directory / "whole.json"
    path.write_text(json.dumps(whole(rendered)))
    command = [binary(), "--mode", "validate", "-c", str(path), "--reject-unknown-dynamic-fields", "-l", "warning"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if ran.returncode == 0 and not ran.stderr.strip() else ran.stderr or f"exit {ran.returncode}"


def _write_processor_files(rendered: Rendered) -> None:
    for path, contents in rendered.processor_files.items():
        Path(path).write_text(json.dumps(contents))


@pytest.mark.envoy
@pytest.mark.parametrize("processors", [SOCKETS, ADDRESSES, NAMES], ids=["sockets", "addresses", "names"])
@pytest.mark.parametrize("server_name", [None, "extproc.internal", "10.0.0.1"], ids=["plain", "name", "address"])
def test_envoy_accepts_it(place: Place, tmp_path: Path, processors: tuple[str, ...], server_name: str | None) -> None:
    certificate, key = Ca().issue("envoy").write(tmp_path)
    (tmp_path / "ca.pem").write_bytes(Ca().certificate)
    tls = ProcessorTls(str(tmp_path / "ca.pem"), str(certificate), str(key), server_name) if server_name else None
    assert complaints(replace(place, processors=processors, processor_tls=tls), tmp_path) == ""
