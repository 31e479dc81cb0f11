"""A gateway that speaks TLS to its clients, and clients that trust it."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dataplane.certificates import Ca, Issued
from tests.envoy.demo import Demo
from tests.envoy.gateway import Gateway, running

SERVERS, CLIENTS, STRANGERS = Ca("servers"), Ca("clients"), Ca("clients")  # the last only says that it is the other
NAMES = ("127.0.0.1", "gateway.test")


@dataclass(frozen=True, slots=True)
class Place:
    """The files that the configuration names."""

    directory: Path

    def put(self, name: str, content: bytes) -> Path:
        """By rename, as whoever renews certificates does it."""
        file = self.directory / name
        new = file.with_name(f".{name}.new")
        new.write_bytes(content)
        new.replace(file)
        return file

    def put_server(self, issued: Issued) -> None:
        self.put("tls.crt", issued.certificate)
        self.put("tls.key", issued.key)

    def client(self, issued: Issued | None = None, name: str = "client") -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=SERVERS.certificate.decode())
        if issued is not None:
            context.load_cert_chain(*issued.write(self.directory, name))
        return context

    def listen(self, *, clients: Ca | None = None, http3: bool = False) -> dict[str, Any]:
        tls = {"certificate": str(self.directory / "tls.crt"), "key": str(self.directory / "tls.key")}
        if clients is not None:
            tls["client_ca"] = str(self.put("clients.crt", clients.certificate))
        return {"tls": tls, **({"http3": True} if http3 else {})}


def config(lab: Demo, listen: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    services = {"shop": {"endpoints": [lab.origin]}}
    routes = [
        {"match": {"path": "/shop/*"}, "service": "shop", "when_down": "pass", "rewrite": {"path": "/v1/$1"}},
        {"match": {"path": "/old"}, "redirect": "/new"},
        {"match": {"path": "/v1/*"}},
    ]
    lab_keys = lab.configured(models=["m"])
    return {"providers": {"lab": lab_keys}, "services": services, "routes": routes, "listen": dict(listen), **more}


def https(gateway: Gateway, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{gateway.port}"


@contextmanager
def client(context: ssl.SSLContext, **more: Any) -> Iterator[httpx.Client]:
    with httpx.Client(verify=context, trust_env=False, timeout=20, **more) as made:
        yield made


@contextmanager
def secured(
    place: Place, lab: Demo, *, clients: Ca | None = None, http3: bool = False, **more: Any
) -> Iterator[Gateway]:
    place.put_server(SERVERS.issue("first", *NAMES))
    with running(config(lab, place.listen(clients=clients, http3=http3), **more)) as gateway:
        yield gateway


def curl(*arguments: str) -> str:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("no curl on PATH")
    command = [program, "-sS", "--noproxy", "*", "--max-time", "20", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return ran.stdout if ran.returncode == 0 else f"curl ended with {ran.returncode}: {ran.stderr}"
