"""What providers serve: the shipped table, what is configured over it, and the guess by name."""

from pathlib import Path

import pytest

from extproc.config import tables
from extproc.dialects.endpoints import families
from extproc.dialects.families import families_by_name
from extproc.money import NANO, Price
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
    price = served["gpt-4o"].price
    assert price is not None
    assert (price.input, price.output, price.cached_input) == (2_500_000_000, 10_000_000_000, 1_250_000_000)
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


def dollars_of(price: Price | None, *kinds: str) -> list[float | None]:
    assert price is not None
    rates = [getattr(price, kind) for kind in kinds]
    return [None if rate is None else rate / NANO for rate in rates]


def test_the_table_knows_caches_long_prompts_and_tiers() -> None:
    """As OpenAI, Anthropic and Google publish them."""
    claude = tables.models_of("anthropic")["claude-sonnet-4-5"].price
    assert dollars_of(claude, "input", "cached_input", "cache_write", "cache_write_1h") == [3, 0.3, 3.75, 6]
    assert claude is not None and dollars_of(claude.batch, "output", "cache_write", "cache_write_1h") == [7.5, 1.875, 3]
    gemini = tables.models_of("gemini")["gemini-2.5-pro"].price
    assert gemini is not None and gemini.above == 200_000
    assert dollars_of(gemini.long, "input", "output", "cached_input") == [2.5, 15, 0.25]
    assert gemini.batch is not None and dollars_of(gemini.batch.long, "input", "output") == [1.25, 7.5]
    voice = tables.models_of("openai")["gpt-audio"].price
    assert dollars_of(voice, "input", "audio_input", "audio_output") == [2.5, 32, 64]


def test_every_price_of_the_table_is_complete_in_itself() -> None:
    """What a tier or a long prompt does not price anew costs what it costs around it."""
    prices = [one.price for dialect in tables.VENDOR_OF for one in tables.models_of(dialect).values() if one.price]
    nested = [(price, inner) for price in prices for inner in (price.long, price.batch, price.flex, price.priority)]
    found = [(price, inner) for price, inner in nested if inner is not None]
    assert len(found) > 300
    for price, inner in found:
        for kind in ("cached_input", "cache_write", "cache_write_1h", "audio_input", "audio_output"):
            assert (getattr(price, kind) is None) or (getattr(inner, kind) is not None)
        assert inner is price.long or inner.above == price.above


@pytest.mark.parametrize(
    ("dialect", "asked", "known"),
    [
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock", "uk.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock", "amazon.nova-pro", "amazon.nova-pro-v1:0"),
        (
            "bedrock",
            "arn:aws:bedrock:eu-west-2:1:inference-profile/uk.amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ),
        ("vertex", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5@20250929"),
        ("vertex", "claude-opus-4-5@20991231", "claude-opus-4-5"),
        ("anthropic", "claude-opus-4-7-latest", "claude-opus-4-7"),
        ("anthropic", "claude-sonnet-4-5-20991231", "claude-sonnet-4-5"),
        ("anthropic", "claude-3-5-sonnet-latest", "claude-3-5-sonnet-latest"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:team::id", "gpt-4o-mini"),
        ("azure_openai", "gpt-4o-2099-01-01", "gpt-4o"),
        ("anthropic", "claude-opus-99", None),
        ("openrouter", "gpt-4o", None),
    ],
)
def test_a_name_is_looked_up_in_any_spelling(dialect: str, asked: str, known: str | None) -> None:
    found = tables.look_up(dialect, asked)
    assert (found and found.name) == known


def test_a_profile_has_its_own_price() -> None:
    """A group of regions may cost more than the model does elsewhere."""
    near = tables.look_up("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    far = tables.look_up("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert near and far and dollars_of(near.price, "input") == [3.3] and dollars_of(far.price, "input") == [3]


def test_another_spelling_has_the_facts_of_its_model(tmp_path: Path) -> None:
    text = "dialect: openai, models: [gpt-4o-2099-01-01, {name: fast, upstream: gpt-4.1-latest}]"
    served = {one.name: one for one in provider(tmp_path, text).models}
    assert served["gpt-4o-2099-01-01"].context == 128_000
    assert dollars_of(served["fast"].price, "input") == [2]


def test_a_former_model_is_known_and_marked() -> None:
    known = tables.models_of("anthropic")
    assert known["claude-3-haiku-20240307"].former and not known["claude-opus-5"].former
    assert dollars_of(known["claude-3-haiku-20240307"].price, "input", "output") == [0.25, 1.25]


def test_prices_of_tiers_and_long_prompts_are_written_as_what_differs(tmp_path: Path) -> None:
    text = """dialect: openai, models: [{name: mine, price: {input: 2, output: 8, cached_input: 0.5, audio_input: 30,
      long_context: {above: 1000, input: 4}, batch: {input: 1, output: 4}}}]"""
    price = model(tmp_path, text, "mine").price
    assert price is not None and price.above == 1000 and price.flex is None
    assert dollars_of(price, "input", "output", "cached_input", "audio_input", "image_input") == [2, 8, 0.5, 30, None]
    assert dollars_of(price.long, "input", "output", "cached_input", "audio_input") == [4, 8, 0.5, 30]
    assert dollars_of(price.batch, "input", "output", "cached_input") == [1, 4, 0.5]
    assert price.batch is not None and price.batch.above == 1000
    assert dollars_of(price.batch.long, "input", "output") == [4, 8]


def test_a_written_capability_takes_back_its_opposite(tmp_path: Path) -> None:
    text = "dialect: openai, base_url: 'http://h/v1', models: [{name: gpt-5, capabilities: [no_tools, effort_none]}]"
    made = model(tmp_path, text, "gpt-5")
    assert {"no_tools", "effort_none", "vision"} <= made.capabilities
    assert not {"tools", "no_effort_none"} & made.capabilities


def test_what_is_written_at_a_glob_holds_for_all_names_under_it(tmp_path: Path) -> None:
    """Known or not: so a default price is a glob with a price."""
    made = provider(tmp_path, "dialect: openai, models: [{name: 'gpt-4*', price: {input: 7}, capabilities: [house]}]")
    served = {one.name: one for one in made.models}
    assert {dollars_of(one.price, "input")[0] for one in served.values()} == {7}
    assert "house" in served["gpt-4o"].capabilities and served["gpt-4o"].context == 128_000


def test_facts_follow_the_upstream_and_for_azure_the_name(tmp_path: Path) -> None:
    fast = model(tmp_path, "dialect: openai, models: {fast: gpt-4o-mini}", "fast")
    assert fast.upstream == "gpt-4o-mini" and fast.price == tables.models_of("openai")["gpt-4o-mini"].price
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
