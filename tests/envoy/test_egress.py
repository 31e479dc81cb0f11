"""A gateway whose providers are behind a corporate proxy, as a user there starts it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.dataplane.certificates import Ca, server_side
from tests.dataplane.connect_proxy import ConnectProxy, proxying
from tests.dataplane.upstream import Upstream, answering
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually

FAR = "api.far.test"  # nobody on this machine can look it up
KEY, PASSWORD = "sk-of-the-provider", "pa55-word"
ANSWER = b'{"id":"1","object":"chat.completion","model":"m","choices":[],"usage":null}'


@dataclass
class Office:
    """A network whose only way out is a proxy, and a provider outside of it."""

    proxy: ConnectProxy
    provider: Upstream
    ca: Path

    def config(self, password: str = PASSWORD) -> dict[str, Any]:
        far = {
            "dialect": "openai",
            "base_url": f"https://{FAR}/v1",
            "credential": KEY,
            "models": ["m"],
            "connect_timeout": "1s",
            "health": {"interval": "300ms", "failure_threshold": 2, "success_threshold": 1},
            "circuit_breaker": {"failure_threshold": 1000},
        }
        return {
            "egress": {"proxy": f"http://us:{password}@localhost:{self.proxy.port}"},
            "providers": {"far": far},
        }


@contextmanager
def office(directory: Path) -> Iterator[Office]:
    ca = Ca()
    trusted = directory / "ca.pem"
    trusted.write_bytes(ca.certificate)
    provider = Upstream(body=ANSWER, headers={"content-type": "application/json", "connection": "close"})
    with answering(provider, tls=server_side(ca, directory, FAR)), proxying() as proxy:
        proxy.places = {f"{FAR}:443": provider.port}
        yield Office(proxy, provider, trusted)


def chat(gateway: Gateway) -> httpx.Response:
    return httpx.post(gateway.url + CHAT, json=body("m"), timeout=20, trust_env=False)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"us:{password}".encode()).decode()


def health(gateway: Gateway) -> dict[str, Any]:
    page = httpx.get(f"{gateway.admin}/health/providers", timeout=5, trust_env=False).json()
    return dict(page["far"])


def test_requests_and_probes_go_through_the_proxy(tmp_path: Path) -> None:
    """Its password is shown to it alone, and another is in force after a reload; while it refuses, the provider is shut
    and its page says why."""
    with office(tmp_path) as here, running(here.config(), more_environment={"SSL_CERT_FILE": str(here.ca)}) as gateway:
        assert chat(gateway).status_code == 200
        eventually(lambda: health(gateway)["state"] == "serving", "a probe passed through the proxy")
        asked = list(here.proxy.asked)
        assert {line for line, _ in asked} == {f"CONNECT {FAR}:443 HTTP/1.1"}
        assert {headers["proxy-authorization"] for _, headers in asked} == {basic(PASSWORD)}
        assert any(path == "/health" for _, path, _, _ in here.provider.asked)
        assert KEY.encode() not in bytes(here.proxy.passed)

        assert_shown_to_nobody(gateway, PASSWORD, basic(PASSWORD).removeprefix("Basic "))

        gateway.write_config(here.config("other"))

        def all_new() -> bool:
            here.proxy.asked.clear()
            chat(gateway)
            eventually(lambda: len(here.proxy.asked) >= 3, "requests and probes", 10)
            return {headers["proxy-authorization"] for _, headers in here.proxy.asked} == {basic("other")}

        eventually(all_new, "the new password", 15)

        here.proxy.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
        eventually(lambda: health(gateway)["state"] == "shut", "the provider is shut", 10)
        assert f"through the proxy localhost:{here.proxy.port}: it answers 407" in health(gateway)["reason"]
        refused = chat(gateway)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_target_available")
        here.proxy.answer = None
        eventually(lambda: chat(gateway).status_code == 200, "it comes back", 15)


def assert_shown_to_nobody(gateway: Gateway, *secrets: str) -> None:
    """In no log, page, metric or file but those of the run's private directories."""
    said = [gateway.out.text(), gateway.err.text(), gateway.metrics(), str(gateway.status()), str(health(gateway))]
    (run,) = gateway.runs.iterdir()
    private = (run / "s", run / "k")
    files = [file for file in run.rglob("*") if file.is_file() and not any(map(file.is_relative_to, private))]
    assert files
    said += [file.read_bytes().decode("latin-1") for file in files]
    assert not [text for text in said if any(secret in text for secret in secrets)]
    assert all(one.stat().st_mode & 0o077 == 0 for one in (run, *private))


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    """A key, the proxy and the company's CA, in the variables that other programs read too."""
    with office(tmp_path) as here:
        environment = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"https://{FAR}/v1",
            "HTTPS_PROXY": f"http://us:{PASSWORD}@localhost:{here.proxy.port}",
            "NO_PROXY": "localhost,.corp.example",
            "SSL_CERT_FILE": str(here.ca),
        }
        with running(None, more_environment=environment) as gateway:
            assert chat(gateway).status_code == 200
            assert here.proxy.lines == [f"CONNECT {FAR}:443 HTTP/1.1"]
            assert here.proxy.asked[0][1]["proxy-authorization"] == basic(PASSWORD)
