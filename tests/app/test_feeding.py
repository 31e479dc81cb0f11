"""What a neighbour Envoy is given at the start of `serve --xds`, and what it is not given."""

from pathlib import Path

import pytest

from extproc.app.feeding import Feeding, FeedingSettings
from extproc.config.compile import Compiled
from extproc.config.load import load
from extproc.dataplane.neighbour import NeighbourDirectory
from extproc.dataplane.start import CannotStart
from tests.dataplane.certificates import Ca

PLAIN = "providers: {lab: {dialect: openai, base_url: 'http://127.0.0.1:9/v1'}}\n"
SECURE = "providers: {lab: {dialect: openai, base_url: 'https://127.0.0.1:9/v1'}}\n"


def compiled(directory: Path, text: str) -> Compiled:
    path = directory / "extproc.yaml"
    path.write_text(text)
    loaded = load(path, {})
    assert loaded.compiled is not None, [str(problem) for problem in loaded.problems]
    return loaded.compiled


@pytest.fixture
def feeding(tmp_path: Path) -> Feeding:
    return Feeding(FeedingSettings(NeighbourDirectory(tmp_path / "xds"), "unix:///nowhere.sock"))


@pytest.fixture
def no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.crt"))


async def test_upstreams_without_tls_need_no_ca_bundle(feeding: Feeding, no_bundle: None, tmp_path: Path) -> None:
    await feeding.start(compiled(tmp_path, PLAIN))
    assert (tmp_path / "xds" / "lds.json").exists() and not (tmp_path / "xds" / "ca-bundle.crt").exists()


async def test_without_the_ca_bundle_that_is_needed_there_is_no_start(
    feeding: Feeding, no_bundle: None, tmp_path: Path
) -> None:
    with pytest.raises(CannotStart, match=r"^SSL_CERT_FILE=.*missing\.crt"):
        await feeding.start(compiled(tmp_path, SECURE))


async def test_a_change_that_needs_a_ca_bundle_brings_it_or_says_why_not(
    feeding: Feeding, no_bundle: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapped: list[str] = []
    await feeding.start(compiled(tmp_path, PLAIN))
    why = await feeding.change(compiled(tmp_path, SECURE), lambda: swapped.append("too early"), same=False)
    assert why is not None and why.startswith("SSL_CERT_FILE=") and not swapped
    (tmp_path / "missing.crt").write_bytes(Ca().certificate)
    monkeypatch.setattr("extproc.dataplane.neighbour.UNSEEN", 0.0)
    assert await feeding.change(compiled(tmp_path, SECURE), lambda: swapped.append("in force"), same=False) is None
    assert swapped == ["in force"]
    assert (tmp_path / "xds" / "ca-bundle.crt").read_bytes() == (tmp_path / "missing.crt").read_bytes()
    await feeding.close()


@pytest.mark.parametrize("client_ca", [False, True], ids=["anybody", "only certificates of a chosen CA"])
async def test_beyond_loopback_there_are_callers_or_clients_certificates(
    feeding: Feeding, tmp_path: Path, client_ca: bool
) -> None:
    ca = Ca()
    pair = ca.issue("gateway.test")
    for name, held in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", ca.certificate)):
        (tmp_path / name).write_bytes(held)
    asked = ", client_ca: ca.crt" if client_ca else ""
    text = f"listen: {{host: 0.0.0.0, tls: {{certificate: tls.crt, key: tls.key{asked}}}}}\n{PLAIN}"
    if not client_ca:
        with pytest.raises(CannotStart, match="without `callers`"):
            await feeding.start(compiled(tmp_path, text))
        return
    await feeding.start(compiled(tmp_path, text))
    assert (tmp_path / "xds" / "s" / "listen.client_ca.json").exists()
