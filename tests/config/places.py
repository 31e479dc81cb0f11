"""Writing configurations for tests: a file, a mounted ConfigMap, and what became of them."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from extproc.config.compile import Compiled
from extproc.config.load import Loaded, load
from extproc.snapshot import Snapshot

LAB = "lab: {dialect: openai, base_url: 'http://127.0.0.1:9001/v1', models: [small, big]}"


def loaded(directory: Path, text: str, environment: Mapping[str, str] | None = None) -> Loaded:
    file = directory / "extproc.yaml"
    file.write_text(textwrap.dedent(text))
    return load(file, environment or {})


def compiled(directory: Path, text: str, environment: Mapping[str, str] | None = None) -> Compiled:
    found = loaded(directory, text, environment)
    assert found.compiled is not None, "\n".join(str(problem) for problem in found.problems)
    return found.compiled


def snapshot(directory: Path, text: str, environment: Mapping[str, str] | None = None) -> Snapshot:
    return compiled(directory, text, environment).snapshot


def messages(found: Loaded) -> list[str]:
    """Problems without the file's name."""
    return [str(problem).split(".yaml:", 1)[1] for problem in found.problems]


def mount(directory: Path, generation: str, files: Mapping[str, str]) -> None:
    """What the kubelet does: a new directory, then `..data` is swapped to it in one rename."""
    real = directory / f"..{generation}"
    real.mkdir(parents=True)
    for name, text in files.items():
        (real / name).write_text(text)
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(Path("..data") / name)
    swap = directory / "..data_tmp"
    swap.symlink_to(real.name)
    swap.rename(directory / "..data")
