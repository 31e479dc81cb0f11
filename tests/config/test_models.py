"""What providers serve: the shipped table, what is configured over it, and the guess by name."""

from pathlib import Path

import pytest

from extproc.config import tables
from extproc.dialects.endpoints import families
from extproc.dialects.families import families_by_name
from extproc.money import Price
from extproc.snapshot import Model, Provider
from tests.config.places import snapshot


def provider(directory: Path, text: str) -> Provider:
    return snapshot(directory, f"providers:\n  it: {{{text}}}\n").providers["it"]


def model(directory: Path, text: str, name: str) -> Model:
    return {one.name: one for one in provider(directory, text).models}[name]


def test_the_table_is_dated_small_and_names_its_source() -> None:
    table = tables.table()
    assert table.date.count("-") == 2
    assert "MIT" in table.source
    assert set(table.vendors) == {"openai", "anthropic", "gemini", "vertex", "bedrock", "cohere", "mistral"}
    assert Path(tables.__file__).with_name("models.json").stat().st_size < 400_000


def test_every_model_of_the_table_serves_known_families_at_readable_prices() -> None:
    for dialect in tables.VENDOR_OF:
        models = tables.models_of(dialect)
        assert models
        for one in models.values():
            assert one.endpoints <= families()


def test_a_vendor_without_models_serves_its_table(tmp_path: Path) -> None:
    made = provider(tmp_path, "dialect: openai")
    assert made.lists_models
    served = {one.name: one for one in made.models}
    assert served["gpt-4o"].price == Price(2_500_000_000, 10_000_000_000, 1_250_000_000)
    assert served["text-embedding-3-small"].endpoints == {"embeddings"}


@pytest.mark.parametrize("text", ["dialect: openai, base_url: 'http://h/v1'", "dialect: openrouter", "dialect: ollama"])
def test_others_without_models_take_any_name(tmp_path: Path, text: str) -> None:
    made = provider(tmp_path, text)
    assert (made.lists_models, made.models) == (False, ())


def test_what_is_configured_stands_over_the_table_key_by_key(tmp_path: Path) -> None:
    text = "dialect: openai, models: [{name: gpt-4o, price: {input: 0.1}, capabilities: [house]}]"
    made = model(tmp_path, text, "gpt-4o")
    assert made.price == Price(100_000_000, 0)
    assert made.context == 128_000
    assert {"house", "tools"} <= made.capabilities


def test_facts_follow_the_upstream_and_for_azure_the_name(tmp_path: Path) -> None:
    fast = model(tmp_path, "dialect: openai, models: {fast: gpt-4o-mini}", "fast")
    assert (fast.upstream, fast.price) == ("gpt-4o-mini", Price(150_000_000, 600_000_000, 75_000_000))
    azure = "dialect: azure_openai, base_url: 'https://x', models: {gpt-4o: mine}"
    assert model(tmp_path, azure, "gpt-4o").context == 128_000


def test_a_glob_brings_the_tables_models_under_it(tmp_path: Path) -> None:
    made = provider(tmp_path, "dialect: openai, models: ['gpt-4o*', {name: gpt-4o, context: 7}]")
    named = {one.name: one for one in made.models}
    assert named["gpt-4o"].context == 7
    assert named["gpt-4o-mini"].price is not None
    assert "gpt-4.1" not in named
    assert [one.name for one in made.models][:2] == ["gpt-4o*", "gpt-4o"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nomic-embed-text", {"embeddings"}),
        ("omni-moderation-latest", {"moderations"}),
        ("dall-e-3", {"images"}),
        ("gpt-image-1", {"images"}),
        ("tts-1", {"speech"}),
        ("Whisper-1", {"audio"}),
        ("gpt-4o-transcribe", {"audio"}),
        ("llama3-instruct", {"chat", "completions"}),
        ("small", {"chat", "completions"}),
    ],
)
def test_a_foreign_server_is_judged_by_the_models_name(name: str, expected: set[str]) -> None:
    assert families_by_name(name) == expected


def test_unknown_models_of_a_vendor_serve_chat_only(tmp_path: Path) -> None:
    assert model(tmp_path, "dialect: openai, models: [brand-new]", "brand-new").endpoints == {"chat"}
    foreign = "dialect: openai, base_url: 'http://h/v1', models: [brand-new]"
    assert model(tmp_path, foreign, "brand-new").endpoints == {"chat", "completions"}
    written = "dialect: openai, models: [{name: v, endpoints: [embeddings]}]"
    assert model(tmp_path, written, "v").endpoints == {"embeddings"}
