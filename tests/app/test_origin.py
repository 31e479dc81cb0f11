"""Where a configuration comes from, in which order, and what the demo is."""

from pathlib import Path

import pytest

from extproc.app.origin import demo_document, find_origin, read_origin
from extproc.config.load import load_document
from extproc.dataplane.start import CannotStart
from extproc.demo.catalog import PROVIDERS

KEY = {"OPENAI_API_KEY": "sk-test"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, provider: str) -> Path:
    path.write_text(f"providers: {{{provider}: {{dialect: ollama}}}}\n")
    return path


def test_a_named_file_goes_before_everything(here: Path) -> None:
    write(here / "extproc.yaml", "default")
    named = write(here / "mine.yaml", "mine")
    origin = find_origin(named, KEY)
    assert (origin.source, origin.demo, origin.text) == (named, False, str(named))
    loaded = read_origin(origin, KEY, here)
    assert loaded.compiled is not None
    assert list(loaded.compiled.snapshot.providers) == ["mine"]


def test_a_named_file_that_is_not_there_is_never_passed_over(here: Path) -> None:
    write(here / "extproc.yaml", "default")
    with pytest.raises(CannotStart, match=r"-c gone.yaml: no such file or directory"):
        find_origin(Path("gone.yaml"), KEY)


def test_the_file_of_this_directory_goes_before_keys(here: Path) -> None:
    write(here / "extproc.yaml", "default")
    origin = find_origin(None, KEY)
    assert (origin.source, origin.text) == (Path("extproc.yaml"), "./extproc.yaml")


def test_a_broken_file_of_this_directory_is_its_origin_all_the_same(here: Path) -> None:
    (here / "extproc.yaml").write_text("providers: [")
    loaded = read_origin(find_origin(None, KEY), KEY, here)
    assert loaded.compiled is None
    assert str(loaded.problems[0]).startswith("extproc.yaml:1")


def test_keys_go_before_the_demo(here: Path) -> None:
    origin = find_origin(None, KEY)
    assert (origin.source, origin.demo) == (None, False)
    loaded = read_origin(origin, KEY, here)
    assert loaded.compiled is not None
    assert list(loaded.compiled.snapshot.providers) == ["openai"]


def test_keys_that_cannot_be_used_are_said_and_not_answered_with_the_demo(here: Path) -> None:
    environment = {**KEY, "OPENAI_BASE_URL": "not an address"}
    origin = find_origin(None, environment)
    assert not origin.demo
    loaded = read_origin(origin, environment, here)
    assert loaded.compiled is None
    assert loaded.problems
    assert "sk-test" not in str(loaded.problems)


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": " "}, {"AWS_ACCESS_KEY_ID": "AKID"}])
def test_without_anything_it_is_the_demo(here: Path, environment: dict[str, str]) -> None:
    origin = find_origin(None, environment)
    assert (origin.source, origin.demo) == (None, True)
    assert "extproc init" in origin.text


def test_the_demo_still_says_which_keys_it_saw_and_cannot_use(here: Path) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "AKID"}
    notes = read_origin(find_origin(None, environment), environment, here).notes
    assert [note.split()[0] for note in notes] == ["AWS_ACCESS_KEY_ID"]


def test_the_demo_compiles_with_all_of_its_providers_models_and_prices(tmp_path: Path) -> None:
    loaded = load_document(demo_document(tmp_path), "demo")
    assert loaded.problems == ()
    assert loaded.compiled is not None
    snapshot = loaded.compiled.snapshot
    assert list(snapshot.providers) == [provider.name for provider in PROVIDERS]
    for provider in PROVIDERS:
        made = snapshot.providers[provider.name]
        assert [model.name for model in made.models] == [model.name for model in provider.models]
        assert all(model.price is not None and model.endpoints for model in made.models)
        assert made.endpoints[0].scheme == "unix"
        assert made.endpoints[0].host == f"{tmp_path}/{provider.name}.sock"
    assert str(snapshot.aliases["demo-failover"][0]) == "flaky/demo-chat"


def test_the_demos_keys_are_secrets_like_others(tmp_path: Path) -> None:
    loaded = load_document(demo_document(tmp_path), "demo")
    assert loaded.compiled is not None
    assert loaded.compiled.secrets.keys() == {provider.name for provider in PROVIDERS}
    assert not [provider.key for provider in PROVIDERS if provider.key in repr(loaded)]
