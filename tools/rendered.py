"""What is rendered and lies in the repository, each with the words that make it. `python tools/rendered.py` writes all.

Law: a rendered file is never edited; a test renders it again and compares.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROCESSOR_IN_MESH = "extproc-processor.extproc.svc.cluster.local:50051"

RENDERED: Mapping[str, Sequence[str]] = {
    "envoy/bootstrap.yaml": (
        *("bootstrap", "--static", "--config", "envoy/examples/minimal.yaml"),
        *("--processor", "/run/extproc/processor.sock"),
    ),
    "k8s/istio/envoy-filter.yaml": (
        *("istio", "--config", "k8s/istio/routes.yaml", "--processor", PROCESSOR_IN_MESH),
        *("--selector", "istio=ingressgateway"),
    ),
}


def write(name: str, to: Path) -> None:
    command = [sys.executable, "-m", "extproc", "render", *RENDERED[name], "--output", str(to)]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.PIPE, text=True)


def main() -> None:
    for name in RENDERED:
        write(name, ROOT / name)


if __name__ == "__main__":
    main()
