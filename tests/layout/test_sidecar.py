"""The sidecar's two containers as the manifest starts them, in its order, over one directory: requests go through."""

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.dataplane.envoy import binary
from tests.envoy.demo import CHAT, body, demo
from tests.envoy.gateway import environment, free_port
from tests.envoy.processes import eventually
from tests.layout.manifests import Manifest, built, containers_of, one


def container(manifests: list[Manifest], name: str) -> Manifest:
    (found,) = [each for each in containers_of(one(manifests, "Deployment")) if each["name"] == name]
    return found


@contextlib.contextmanager
def process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        command, env=environment(), text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.PIPE
    )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()


class Pod:
    """Its volumes below a directory of ours, and its words with the places that they have here."""

    def __init__(self, home: str, mounts: list[dict[str, str]], admin: int) -> None:
        self._places = {mount["mountPath"]: f"{home}/{mount['name'].removeprefix('extproc-')}" for mount in mounts}
        self._admin = admin
        for there in ("/etc/extproc", "/run/secrets/extproc"):
            self.at(there).mkdir()

    def at(self, there: str) -> Path:
        return Path(self._places[there])

    def here(self, word: str) -> str:
        for there, place in sorted(self._places.items(), reverse=True):  # the longest of those that begin alike first
            word = re.sub(rf"{there}(?=/|$)", place, word)
        return word.replace("0.0.0.0:8081", f"127.0.0.1:{self._admin}")


def test_requests_bear_the_key_and_a_change_reaches_both() -> None:
    manifests = built("k8s/overlays/sidecar")
    ours, envoy, app = (container(manifests, name) for name in ("extproc", "envoy", "app"))
    (url,) = [each["value"] for each in app["env"] if each["name"] == "OPENAI_BASE_URL"]
    assert url == "http://127.0.0.1:8080/v1"  # where `serve --xds` has Envoy listen when nothing else is said
    with tempfile.TemporaryDirectory(prefix="sc", dir="/tmp") as home, demo("openai") as lab:
        port, admin = free_port(), free_port()
        pod = Pod(home, ours["volumeMounts"], admin)
        (pod.at("/run/secrets/extproc") / "openai").write_text(lab.key)
        routes = pod.at("/etc/extproc") / "extproc.yaml"
        text = one(manifests, "ConfigMap")["data"][routes.name].replace(
            "{dialect: openai", f"{{dialect: openai, base_url: '{lab.origin}/v1'"
        )
        text = text.replace("/run/secrets/extproc", str(pod.at("/run/secrets/extproc")))
        text += f"\nlisten: {{port: {port}}}\n"
        routes.write_text(text)
        started = [pod.here(word) for word in ours["startupProbe"]["exec"]["command"]]
        with process([sys.executable, "-m", "extproc", *map(pod.here, ours["args"])]) as first:
            eventually(lambda: subprocess.run(started, check=False).returncode == 0 or first.poll(), "it wrote", 40)
            assert first.poll() is None
            with (
                process([binary(), *map(pod.here, envoy["args"])]),
                httpx.Client(trust_env=False, timeout=20) as client,
            ):
                ready = f"http://127.0.0.1:{admin}{ours['readinessProbe']['httpGet']['path']}"
                eventually(lambda: client.get(ready).status_code == 200, "both are ready", 40)

                def ask(model: str) -> int:
                    return client.post(f"http://127.0.0.1:{port}{CHAT}", json=body(model)).status_code

                assert ask("default") == 200
                routes.write_text(text.replace("default:", "another:"))
                eventually(lambda: ask("another") == 200, "the change is in force", 30)
                assert ask("default") == 404
