"""What a start proposes to try: only what would succeed with the very configuration."""

from pathlib import Path
from typing import Any

from extproc.app.origin import demo_document
from extproc.cli.welcome import requests_to_try, translated
from extproc.config.load import load_document
from extproc.dataplane.start import Started
from extproc.snapshot import Snapshot

OPENAI = {"dialect": "openai", "models": ["small"]}
CLAUDE = {"dialect": "anthropic", "models": ["claude-x-*", "claude-y"]}


def snapshot(document: Any) -> Snapshot:
    loaded = load_document(document, "test")
    assert loaded.compiled is not None, loaded.problems
    return loaded.compiled.snapshot


def tried(document: Any) -> dict[str, str]:
    started = Started("http://here", "http://admin", snapshot(document), "test", ())
    return dict(requests_to_try(started))


def test_the_demo_shows_a_translated_answer(tmp_path: Path) -> None:
    said = tried(demo_document(tmp_path))
    assert len(said) == 5
    assert '"model": "demo-translated"' in said["translated there and back: sage speaks anthropic"]


def test_a_listed_model_of_another_dialect_is_proposed_by_its_target() -> None:
    assert translated(snapshot({"providers": {"o": OPENAI, "c": CLAUDE}})) == [("c/claude-y", "c", "anthropic")]


def test_where_all_speak_the_callers_dialect_nothing_is_translated() -> None:
    said = tried({"providers": {"o": OPENAI}})
    assert len(said) == 3 and not any("translated" in what for what in said)


def test_where_several_answer_a_name_a_strategy_is_tried() -> None:
    two = {"a": OPENAI, "b": OPENAI}
    assert "x-extproc-strategy: cost" in str(tried({"providers": two}))
    assert "x-extproc-strategy" not in str(tried({"providers": {"a": OPENAI, "c": CLAUDE}}))
