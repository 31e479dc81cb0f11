"""docs/reference.md names every header, body field, metadata namespace and refusal that the code knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from extproc import names
from extproc.cli import application
from extproc.decision.fact_names import FACTS
from extproc.decision.strategies import KINDS, OTHER_NAMES
from extproc.dialects.endpoints import ENDPOINTS, Endpoint
from extproc.dialects.upstream_error import SHOWN
from extproc.refusal import Reason


def options() -> Iterator[tuple[str, str]]:
    """Each verb with each of its options that people may use; those of `render` go by the last word of their name."""
    verbs = dict(typer.main.get_command(application()).commands)  # type: ignore[attr-defined]
    verbs |= verbs.pop("render").commands
    for verb, command in verbs.items():
        for option in command.params:
            if option.param_type_name == "option" and not option.hidden:
                yield from ((verb, spelling) for spelling in option.opts)


REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text()
HEADERS = sorted(
    value
    for key, value in vars(names).items()
    if isinstance(value, str) and value.startswith("x-extproc-") and not key.endswith("PREFIX")
)


@pytest.mark.parametrize("header", [*HEADERS, names.SHOULD_RETRY])
def test_every_header_is_documented(header: str) -> None:
    assert f"`{header}`" in REFERENCE


@pytest.mark.parametrize("field", names.OWN_FIELDS)
def test_every_own_body_field_is_documented(field: str) -> None:
    assert f"`{field}`" in REFERENCE


@pytest.mark.parametrize("kind", ["quality", "long_context", "code", "capability", "region", "sticky"])
def test_kinds_of_strategy_are_documented_with_their_other_names(kind: str) -> None:
    line = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{kind}` |"))
    assert kind in KINDS
    assert all(f"`{other}`" in line for other, stands_for in OTHER_NAMES.items() if stands_for == kind)


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_of_rules_is_documented_with_its_kind_and_sentence(name: str) -> None:
    assert f"| `{name}` | {FACTS[name].kind} | {FACTS[name].meaning} |" in REFERENCE


@pytest.mark.parametrize(
    "namespace", [names.META, names.META_PRIVATE, names.META_PLAN, names.META_USAGE, names.META_WALK]
)
def test_every_metadata_namespace_is_documented(namespace: str) -> None:
    assert f"`{namespace}`" in REFERENCE


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_every_refusal_is_documented_with_its_status_and_sentence(reason: Reason) -> None:
    assert f"| `{reason.code}` | {reason.status} | `{reason.type}` | {reason.value.doc} |" in REFERENCE


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_endpoint_is_documented(endpoint: Endpoint) -> None:
    assert f"`{endpoint.path}" in REFERENCE


@pytest.mark.parametrize("name", SHOWN)
def test_every_class_of_a_providers_errors_is_documented_as_it_is_shown(name: str) -> None:
    shown = SHOWN[name]  # type: ignore[index]
    status, code = shown.status or "the provider's", f"`{shown.code}`" if shown.code else "the provider's"
    assert f"| `{name}` | {status} | `{shown.type}` | {code} |" in REFERENCE


@pytest.mark.parametrize(("verb", "option"), list(options()))
def test_every_option_is_documented_with_its_verb(verb: str, option: str) -> None:
    own = re.search(rf"^## Options of `{verb}`$(.*?)^## ", REFERENCE, re.MULTILINE | re.DOTALL)
    rows = (
        own[1]
        if own
        else "\n".join(re.findall(rf"^\| `-.*? \| .*?(?:`{verb}`|all).*? \| .*$", REFERENCE, re.MULTILINE))
    )
    assert f"`{option}`" in rows
