"""What `kubectl kustomize` makes of a directory, and what Kubernetes' own schemas say to it."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.layout.tools import ROOT, of_manifests, on_path

KUBERNETES = "1.32"
Manifest = dict[str, Any]


def built(directory: str) -> list[Manifest]:
    """Each object, in the order in which it would be applied."""
    command = [on_path("kubectl", "nothing builds the manifests"), "kustomize", str(ROOT / directory)]
    # without a home there is no configuration, and so no cluster that could be meant
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr, done.stderr
    return [dict(one) for one in yaml.safe_load_all(done.stdout) if one]


def complaints(manifests: list[Manifest]) -> str:
    """Of the schemas, in strict mode: keys that they do not know count too."""
    program = of_manifests("kubernetes-validate")
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / f"{number}.yaml" for number, _ in enumerate(manifests)]
        for file, manifest in zip(files, manifests, strict=True):
            file.write_text(yaml.safe_dump(manifest))
        command = [program, "-k", KUBERNETES, "--strict", "--quiet", "--no-warn", *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def one(manifests: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    (found,) = [each for each in manifests if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    return found


def pod_of(manifest: Manifest) -> Manifest:
    return dict(manifest["spec"]["template"]["spec"])


def containers_of(manifest: Manifest) -> list[Manifest]:
    pod = pod_of(manifest)
    return [*pod.get("initContainers", []), *pod["containers"]]


def seconds(text: str) -> int:
    assert text.endswith("s"), text
    return int(text.removesuffix("s"))
