"""The official client library over TLS: a private CA, and a client certificate in a key's place."""

from pathlib import Path

from tests.envoy.clients_tls import CLIENTS, SERVERS, Place, https, secured
from tests.envoy.demo import demo
from tests.sdk.environments import Environment
from tests.sdk.test_openai import run


def test_the_client_library_needs_only_to_be_told_the_files(generation: Environment, tmp_path: Path) -> None:
    place = Place(tmp_path)
    authority = place.put("ca.crt", SERVERS.certificate)
    shown = CLIENTS.issue("app", "app.test").write(tmp_path, "app")
    callers = [{"name": "app", "certificate": "app.test"}]
    with demo("lab") as lab, secured(place, lab, clients=CLIENTS, callers=callers) as gateway:
        run(generation, "private_ca", f"{https(gateway)}/v1", "unused", "m", *map(str, (authority, *shown)))
