"""A name asked for → the targets it stands for."""

from collections.abc import Iterator
from typing import Any

import pytest

from extproc.decision.lookup import entry_of, index_of, listing_of, price_of, upstream
from extproc.decision.usable import usable_names
from extproc.facts.request import CallerFacts
from extproc.money import Price
from extproc.refusal import Reason
from extproc.snapshot import Model, Provider, Snapshot, StrategySpec, Target
from tests.decision.samples import decided, plan_of, provider, reasons, refusal_of, snapshot

OPENAI = provider("openai", "gpt-4o", "gpt-4o-mini", Model("embed", endpoints=frozenset({"embeddings"})))
GLOBBED = provider("globbed", "gpt-*", default_model="gpt-3.5")
ROUTER = provider("openrouter", default_model="auto-best")
LAB = provider("lab", "small", "gpt-4o")
CONFIG = snapshot(GLOBBED, ROUTER, OPENAI, LAB, aliases={"smart": ["lab/small", "openai/gpt-4o"]}, max_attempts=9)


@pytest.mark.parametrize(
    ("sentence", "model", "plan"),
    [
        ("an alias stands for its targets in their order", "smart", ["lab/small", "openai/gpt-4o"]),
        (
            "a listed name stands for all who list it, exact before glob, and any-name providers behind them",
            "gpt-4o",
            ["openai/gpt-4o", "lab/gpt-4o", "globbed/gpt-4o", "openrouter/gpt-4o"],
        ),
        ("a glob lists what it matches", "gpt-9", ["globbed/gpt-9", "openrouter/gpt-9"]),
        ("provider/model is that target alone", "openai/gpt-4o", ["openai/gpt-4o"]),
        ("it is split at the first slash", "openrouter/anthropic/claude", ["openrouter/anthropic/claude"]),
        ("what nobody lists goes to who takes any name", "llama", ["openrouter/llama"]),
        ("a slash that names no provider is part of the model", "meta/llama", ["openrouter/meta/llama"]),
        (
            "auto is everything listed, and defaults where globs or any name leave it open",
            "auto",
            [
                "openai/gpt-4o",
                "openai/gpt-4o-mini",
                "lab/small",
                "lab/gpt-4o",
                "globbed/gpt-3.5",
                "openrouter/auto-best",
            ],
        ),
    ],
)
def test_a_name_stands_for(sentence: str, model: str, plan: list[str]) -> None:
    assert plan_of(decided(CONFIG, model)) == plan, sentence


def test_no_model_is_auto() -> None:
    assert plan_of(decided(CONFIG)) == plan_of(decided(CONFIG, "auto"))


def test_a_listed_model_with_a_slash_goes_before_provider_and_model() -> None:
    config = snapshot(OPENAI, provider("router", "openai/gpt-4o"))
    assert plan_of(decided(config, "openai/gpt-4o")) == ["router/openai/gpt-4o"]


def test_a_glob_for_every_name_means_the_rest_where_the_name_begins_with_its_providers_own() -> None:
    config = snapshot(provider("router", "*"), provider("any"), provider("lab", "small"))
    assert plan_of(decided(config, "router/meta/llama")) == ["router/meta/llama"]
    assert plan_of(decided(config, "router/meta/llama", provider="router")) == ["router/meta/llama"]
    assert plan_of(decided(config, "meta/llama")) == ["router/meta/llama", "any/meta/llama"]


def test_an_alias_goes_before_a_listed_model_and_may_be_called_auto() -> None:
    config = snapshot(OPENAI, LAB, aliases={"gpt-4o": ["lab/small"], "auto": ["openai/gpt-4o"]})
    assert plan_of(decided(config, "gpt-4o")) == ["lab/small"]
    assert plan_of(decided(config, "auto")) == ["openai/gpt-4o"]


def test_the_routes_model_goes_first_where_none_is_asked_for() -> None:
    config = snapshot(OPENAI, LAB, model="small")
    assert plan_of(decided(config)) == ["lab/small", "openai/gpt-4o", "openai/gpt-4o-mini"]
    assert plan_of(decided(config, "gpt-4o")) == ["openai/gpt-4o", "lab/gpt-4o"]


def test_a_name_that_nothing_serves_is_refused_with_the_nearest_names() -> None:
    refusal = refusal_of(decided(snapshot(OPENAI, LAB, aliases={"smart": ["lab/small"]}), "gpt-4p"))
    assert (refusal.reason, refusal.status, refusal.param) == (Reason.MODEL_NOT_FOUND, 404, "model")
    assert refusal.message.startswith("nothing serves a model called gpt-4p; nearest: gpt-4o")
    assert refusal_of(decided(snapshot(OPENAI, LAB, aliases={"smart": ["lab/small"]}), "smrt")).message.endswith(
        "smart"
    )


def test_a_model_that_its_provider_does_not_list_is_refused_with_names_of_that_provider() -> None:
    refusal = refusal_of(decided(snapshot(OPENAI), "openai/gpt-4p"))
    assert refusal.reason is Reason.MODEL_NOT_FOUND
    assert "nearest: openai/gpt-4o" in refusal.message


@pytest.mark.parametrize("allowed", [{"models": ("small",)}, {"providers": ("lab",)}])
def test_nearest_names_are_only_those_that_the_caller_may_use(allowed: dict[str, Any]) -> None:
    config = snapshot(OPENAI, provider("lab", "small"), aliases={"gpt-4": ["openai/gpt-4o"]})
    assert "gpt-4" not in refusal_of(decided(config, "gpt-5", **allowed)).message
    assert refusal_of(decided(config, "smal", **allowed)).message.endswith("nearest: small")


def test_a_name_that_exists_elsewhere_is_not_its_own_nearest() -> None:
    strategy = StrategySpec("lim", "ordered", targets=(Target("lab", "small"),))
    config = snapshot(OPENAI, provider("lab", "small"), strategies=(strategy,), strategy="lim")
    message = refusal_of(decided(config, "gpt-4o")).message
    assert message.startswith("no target of strategy lim serves gpt-4o; nearest: ")
    assert "gpt-4o" not in message.partition("nearest: ")[2].split(", ")


def test_a_name_of_the_caller_is_printed_short_and_in_ascii() -> None:
    message = refusal_of(decided(snapshot(OPENAI), "gpt\r\nx-injected: ü" + "y" * 5000)).message
    assert len(message) < 300
    assert message.isascii()
    assert message.isprintable()


def test_a_model_is_a_candidate_only_where_it_serves() -> None:
    config = snapshot(OPENAI, ROUTER)
    assert plan_of(decided(config, "embed", family="embeddings")) == ["openai/embed", "openrouter/embed"]
    assert plan_of(decided(config, family="embeddings")) == ["openai/embed"]
    assert plan_of(decided(config, "unheard-of", family="chat")) == ["openrouter/unheard-of"]
    assert refusal_of(decided(config, "unheard-of", family="embeddings")).reason is Reason.MODEL_NOT_FOUND
    decision = decided(snapshot(OPENAI), "embed")
    assert refusal_of(decision).reason is Reason.MODEL_NOT_FOUND
    assert reasons(decision) == {"openai/embed": "it does not serve chat"}


def test_a_body_that_passes_unread_needs_no_model_where_its_provider_is_named() -> None:
    config = snapshot(OPENAI, ROUTER, provider("whispers", "small"))
    for name, model in (("openrouter", "auto-best"), ("whispers", "unread")):
        assert plan_of(decided(config, None, family="audio", provider=name)) == [f"{name}/{model}"]
    assert refusal_of(decided(config, None, family="audio")).reason is Reason.MODEL_NOT_FOUND


def context_of(held: Provider, name: str) -> int | None:
    entry = entry_of(held, name)
    return entry.context if entry else None


def test_what_a_target_is_called_upstream_and_costs() -> None:
    """An exact entry goes before a glob, whichever was written first; without one nothing is known."""
    price = Price(1, 2)
    one = provider(
        "p", Model("gpt-*", upstream="deployment", context=5), Model("gpt-4", price=price, context=8), Model("b.d")
    )
    assert [upstream(one, name) for name in ("gpt-4", "gpt-5", "else")] == ["gpt-4", "deployment", "else"]
    assert [price_of(one, name) for name in ("gpt-4", "gpt-5", "else")] == [price, None, None]
    assert [context_of(one, name) for name in ("gpt-4", "gpt-5", "else")] == [8, 5, None]
    assert upstream(one, "bxd") == "bxd"
    assert listing_of(one).any_name("else").families == {"chat", "completions"}


def test_snapshots_of_the_same_id_are_never_mistaken_for_each_other() -> None:
    """The index belongs to the object, so a reload that ended in the same id cannot answer with the old one."""
    first, second = snapshot(OPENAI), snapshot(LAB)
    assert first.id == second.id
    assert set(index_of(first).exact) != set(index_of(second).exact)
    assert index_of(first) is index_of(first)


class Counting(dict[str, Any]):
    """A dictionary that counts each of its entries that is looked at."""

    looked = 0

    def get(self, key: str, default: Any = None) -> Any:
        Counting.looked += 1
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        Counting.looked += 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            Counting.looked += 1
            yield key

    def values(self) -> Any:
        return [self[key] for key in self]

    def items(self) -> Any:
        return [(key, self[key]) for key in self]


def crowd(count: int) -> Snapshot:
    others = (provider(f"other{n}", f"model-{n}", f"family-{n}-*") for n in range(count))
    return snapshot(OPENAI, *others)


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o"])
def test_a_decision_looks_at_no_more_among_a_thousand_others_than_among_ten(model: str) -> None:
    def looked(count: int) -> int:
        config = crowd(count)
        index = index_of(config)
        for name in ("listings", "exact", "globs"):
            object.__setattr__(index, name, Counting(getattr(index, name)))
        object.__setattr__(config, "providers", Counting(config.providers))
        Counting.looked = 0
        assert plan_of(decided(config, model)) == ["openai/gpt-4o"]
        return Counting.looked

    few, many = looked(10), looked(1000)
    assert few > 0
    # A glob's literal head may have as many lengths as numbers have digits; nothing else may grow.
    assert many <= few + 10


def test_beside_its_provider_a_model_may_be_spelled_with_the_providers_name() -> None:
    asked = decided(CONFIG, "openrouter/anthropic/claude", provider="openrouter")
    assert plan_of(asked) == ["openrouter/anthropic/claude"]


def test_a_known_model_under_a_glob_is_known_in_every_spelling() -> None:
    """Dated, a profile, `-latest`; what is known of nothing has what the glob says."""
    price = Price(1, 2)
    known = Model("claude-sonnet-4-5", price=price, context=200_000, by_glob=True)
    made = provider("it", Model("*", context=7), known)
    for name in ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"):
        assert (price_of(made, name), context_of(made, name), upstream(made, name)) == (price, 200_000, name)
        assert plan_of(decided(snapshot(made), name)) == [f"it/{name}"]
    assert (price_of(made, "claude-sonnet-9"), context_of(made, "claude-sonnet-9")) == (None, 7)


def test_a_model_that_is_written_out_stands_for_no_other_spelling() -> None:
    made = provider("it", Model("*", context=7), Model("claude-sonnet-4-5", context=200_000))
    assert context_of(made, "claude-sonnet-4-5-20250929") == 7


def test_a_former_model_is_served_to_who_asks_and_told_to_nobody() -> None:
    made = snapshot(provider("it", "new", Model("old", former=True)))
    assert plan_of(decided(made, "old")) == ["it/old"] and plan_of(decided(made)) == ["it/new"]
    assert [one.name for one in usable_names(made, made.routes[0], CallerFacts("ci"))] == ["new"]
