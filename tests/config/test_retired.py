"""Names of models that Google serves no more: who answers, and who is told."""

from pathlib import Path

import pytest

from extproc.config import tables
from extproc.config.retired import SUCCESSORS
from extproc.decision.lookup import entry_of, index_of, price_of, upstream
from extproc.decision.usable import usable_names
from extproc.facts.request import CallerFacts
from extproc.snapshot import Provider
from tests.config.places import loaded, snapshot

TODAYS = SUCCESSORS["code-bison*"]
VERTEX = "dialect: vertex, region: global, project: p, credential: t"


def vertex(directory: Path, more: str = "", rest: str = "") -> Provider:
    return snapshot(directory, f"providers: {{vertex: {{{VERTEX}{more}}}}}\n{rest}").providers["vertex"]


@pytest.mark.parametrize("dialect", ["gemini", "vertex"])
@pytest.mark.parametrize("successor", sorted(set(SUCCESSORS.values())))
def test_a_successor_is_a_model_of_today(dialect: str, successor: str) -> None:
    assert tables.look_up(dialect, successor) is not None


@pytest.mark.parametrize(
    "models",
    ["", ", models: [code-bison@002]", ", models: ['*']", ", models: [gemini-3.5-flash]", ", base_url: 'http://h'"],
    ids=["the table's", "listed", "a glob of all", "others are listed", "any name"],
)
def test_a_retired_name_is_answered_by_its_successor(tmp_path: Path, models: str) -> None:
    """However the provider came to be asked for it; at the successor's price."""
    provider = vertex(tmp_path, models, "strategies: {code: {kind: ordered, targets: [vertex/code-bison@002]}}")
    assert upstream(provider, "code-bison@002") == TODAYS
    entry = entry_of(provider, "code-bison@002")
    assert entry is not None and entry.notice is not None
    assert entry.notice.startswith("code-bison") and entry.notice.endswith(f" is retired; {TODAYS} answers")
    known = tables.look_up("vertex", TODAYS)
    assert known is not None and price_of(provider, "code-bison@002") == known.price is not None


def test_whoever_names_another_successor_has_it(tmp_path: Path) -> None:
    listed = vertex(tmp_path, ", models: [{name: code-bison@002, upstream: gemini-3.8-flash}]")
    globbed = vertex(tmp_path, ", models: [{name: 'code-*', upstream: gemini-3.8-flash}]")
    for provider in (listed, globbed):
        entry = entry_of(provider, "code-bison@002")
        assert upstream(provider, "code-bison@002") == "gemini-3.8-flash"
        assert entry is not None and entry.notice is None


def test_an_upstream_may_be_retired_too(tmp_path: Path) -> None:
    provider = vertex(tmp_path, ", models: {coder: code-bison@001}")
    entry = entry_of(provider, "coder")
    assert upstream(provider, "coder") == TODAYS
    assert entry is not None and entry.notice == f"code-bison@001 is retired; {TODAYS} answers"


def test_embeddings_go_to_embeddings(tmp_path: Path) -> None:
    entry = entry_of(vertex(tmp_path), "textembedding-gecko@003")
    assert entry is not None and entry.upstream == "gemini-embedding-001" and entry.endpoints == {"embeddings"}


def test_it_is_served_by_its_bare_name_where_nothing_is_listed_and_never_advertised(tmp_path: Path) -> None:
    made = snapshot(tmp_path, f"providers: {{vertex: {{{VERTEX}}}}}")
    assert [str(one.target) for one in index_of(made).serving("code-bison@002")] == ["vertex/code-bison@002"]
    assert not [one for one in usable_names(made, made.routes[0], CallerFacts()) if "bison" in one.name]


def test_other_dialects_have_their_own_names(tmp_path: Path) -> None:
    made = snapshot(tmp_path, "providers: {lab: {dialect: openai, base_url: 'http://h/v1'}}").providers["lab"]
    assert upstream(made, "code-bison@002") == "code-bison@002"


def test_the_operator_is_told_where_it_is_written(tmp_path: Path) -> None:
    text = f"""\
        providers:
          vertex: {{{VERTEX}, models: [text-bison@001, gemini-3.5-flash]}}
        aliases:
          old: [vertex/chat-bison, vertex/text-bison@001]
        strategies:
          code: {{kind: ordered, targets: [vertex/code-bison@002, vertex/gemini-3.5-flash]}}
        failover:
          chains: {{c: [{{provider: vertex, model: code-gecko}}]}}
        routes: [{{failover: c}}]
        """
    found = loaded(tmp_path, text)
    assert [note.partition(".yaml:")[2] for note in found.notes] == [
        f"2: providers.vertex.models: text-bison@001 is retired; {TODAYS} answers",
        f"4: aliases.old: chat-bison is retired; {TODAYS} answers",
        f"4: aliases.old: text-bison@001 is retired; {TODAYS} answers",
        f"6: strategies.code.targets: code-bison@002 is retired; {TODAYS} answers",
        f"8: failover.chains: code-gecko is retired; {TODAYS} answers",
    ]
