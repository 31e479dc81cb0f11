"""`extproc serve --xds DIR`: an Envoy beside us, of which we know no more than the directory that both see."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.envoy.beside import CALLER, Beside, Processor, beside, load
from tests.envoy.demo import Demo
from tests.envoy.processes import eventually

QUICK = ("--linger", "500ms", "--drain", "5s")


def config(here: Beside, *demos: Demo, **more: Any) -> dict[str, Any]:
    providers = {demo.name: demo.configured(models=["m", demo.name]) for demo in demos}
    callers = [{"name": "ci", "key": CALLER}]
    return {"listen": {"port": here.place.port}, "providers": providers, "callers": callers, **more}


@pytest.fixture
def here(lab: Demo) -> Iterator[Beside]:
    with beside({}) as made:
        made.edit(config(made, lab))
        yield made


def xds(here: Beside) -> Path:
    return here.directory / "x"


def fed(here: Beside, *arguments: str) -> Processor:
    processor = here.processor("--xds", str(xds(here)), *QUICK, *arguments)
    eventually((xds(here) / "lds.json").exists, f"Envoy's files; {processor.err.text()}", 40)
    return processor


def test_envoy_needs_the_directory_and_nothing_else(here: Beside) -> None:
    processor = fed(here)
    processor.until("not ready")
    here.envoy(xds(here) / "bootstrap.json")
    processor.until("ready")
    here.until_answered()
    told = processor.readyz()
    assert told["envoy"] == {"version": "1.40.0", "live": True}
    assert told["envoys"]["hashes"] == [told["config"]["hash"]] and told["envoys"]["error"] is None
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (xds(here), *xds(here).rglob("*"))}
    assert all(mode & 0o077 == 0 for name, mode in modes.items()), modes


def test_the_group_may_have_it_too(here: Beside) -> None:
    fed(here, "--socket-mode", "0660")
    here.envoy(xds(here) / "bootstrap.json")
    here.until_answered()
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (xds(here), *xds(here).rglob("*"))}
    for path, mode in found.items():
        wanted = {xds(here): 0o770, xds(here) / "s": 0o750}.get(path, 0o660 if path.is_socket() else 0o640)
        assert mode == wanted, (path, oct(mode))


def test_an_edit_takes_effect_on_both_sides_and_fails_nothing(here: Beside, lab: Demo, other: Demo) -> None:
    processor = fed(here)
    here.envoy(xds(here) / "bootstrap.json")
    processor.until("ready")
    here.until_answered()
    with load(here.url) as under:
        for demos in ((other, lab), (lab,), (lab, other)):
            before = processor.readyz()["config"]["hash"]
            here.edit(config(here, *demos, strategies={"default": {"kind": "ordered", "targets": [demos[0].name]}}))
            eventually(lambda before=before: processor.readyz()["config"]["hash"] != before, "the edit", 30)
            time.sleep(0.5)
    assert under.failed == {} and under.answers["200"] > 30
    assert other.received()
    assert processor.metric("extproc_other_configuration_total") == 0


def test_an_edit_that_is_none_changes_nothing_and_is_told(here: Beside, lab: Demo) -> None:
    processor = fed(here)
    here.envoy(xds(here) / "bootstrap.json")
    processor.until("ready")
    here.until_answered()
    before = (xds(here) / "cds.json").read_text()
    here.edit(config(here, lab, nonsense=1))
    eventually(lambda: processor.readyz()["config"]["error"], "an error on /readyz", 20)
    assert "nonsense" in processor.readyz()["config"]["error"]
    assert (xds(here) / "cds.json").read_text() == before
    assert here.ask().status_code == 200


def test_a_processor_that_starts_again_with_an_edit_takes_the_running_envoy_along(
    here: Beside, lab: Demo, other: Demo
) -> None:
    """Envoy still routes by the configuration that went with the first one."""
    first = fed(here)
    here.envoy(xds(here) / "bootstrap.json")
    first.until("ready")
    here.until_answered()
    assert first.stop() == 0
    here.edit(config(here, other, lab))
    second = here.processor("--xds", str(xds(here)), *QUICK).until("ready")
    eventually(lambda: _answers(here, "other"), "the new provider", 20)
    assert _answers(here, "lab")
    assert second.readyz()["envoys"]["error"] is None or second.metric("extproc_other_configuration_total") > 0


def test_a_processor_that_starts_again_without_an_edit_is_ready_at_once(here: Beside) -> None:
    """Envoy says of routes that are the same that they are the old ones: nothing is to be waited for."""
    first = fed(here)
    here.envoy(xds(here) / "bootstrap.json")
    first.until("ready")
    here.until_answered()
    assert first.stop() == 0
    second = here.processor("--xds", str(xds(here)), *QUICK).until("not ready")
    began = time.monotonic()
    second.until("ready")
    assert time.monotonic() - began < 15  # what is not taken is given up after 20 s
    assert second.stop() == 0


def test_an_envoy_that_cannot_be_asked_is_waited_for(here: Beside, lab: Demo, other: Demo) -> None:
    processor = fed(here, "--envoy-admin", "none")
    here.envoy(xds(here) / "bootstrap.json")
    here.until_answered()
    with load(here.url, rate=15) as under:
        here.edit(config(here, other, lab))
        eventually(lambda: _answers(here, "other"), "the new provider", 30)
    assert under.failed == {}
    assert processor.readyz()["status"] == "ready"


def _answers(here: Beside, model: str) -> bool:
    try:
        return here.ask(model).status_code == 200
    except httpx.HTTPError:
        return False
