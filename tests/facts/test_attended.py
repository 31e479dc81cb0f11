"""Which routes show their answers."""

from dataclasses import replace
from typing import Any

import pytest

from extproc.facts.attended import may_attend
from extproc.snapshot import OPENAI_SHAPED, TRANSLATED_DIALECTS, Dialect, Match, PathMatch, Provider, Route, Snapshot


def made(*dialects: Dialect, **route: Any) -> tuple[Route, Snapshot]:
    providers = {
        dialect: Provider(dialect, dialect, dialect, (), "", True, (), lists_models=False) for dialect in dialects
    }
    only = replace(Route("r", Match(PathMatch("any"))), **route)
    return only, Snapshot("s", providers, {}, (only,), {}, {})


@pytest.mark.parametrize("dialect", sorted(TRANSLATED_DIALECTS))
@pytest.mark.parametrize(("endpoint", "shown"), [("chat", True), ("prompt", True), ("embeddings", False)])
def test_chat_with_a_provider_of_another_dialect_is_shown(dialect: Dialect, endpoint: str, shown: bool) -> None:
    assert may_attend(*made("openai", dialect), endpoint) is shown


@pytest.mark.parametrize("dialect", sorted(OPENAI_SHAPED - TRANSLATED_DIALECTS))
def test_providers_of_the_callers_dialect_alone_show_nothing(dialect: Dialect) -> None:
    assert not may_attend(*made(dialect), "chat")


def test_only_what_the_route_allows_counts() -> None:
    assert not may_attend(*made("openai", "anthropic", providers=("openai",)), "chat")
    assert may_attend(*made("openai", "anthropic", providers=("openai", "anthropic")), "chat")


@pytest.mark.parametrize("asked", [{"attend": True}, {"usage": "exact"}])
def test_a_route_that_asks_for_it_is_shown_whatever_it_leads_to(asked: dict[str, Any]) -> None:
    assert may_attend(*made("openai", **asked), "embeddings")
    assert not may_attend(*made("openai", kind="service", **asked), "service")


def test_every_dialect_is_of_one_kind_or_both() -> None:
    assert set(Dialect.__args__) == OPENAI_SHAPED | TRANSLATED_DIALECTS
