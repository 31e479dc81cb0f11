"""What is written for people is never stale, and its examples work."""

import json
import re
from pathlib import Path

import pytest

from extproc.config import reference
from extproc.config.later import LATER
from extproc.config.starter import STARTER
from tests.config.places import compiled, loaded

BLOCKS = re.findall(r"```yaml\n(.*?)```", reference.page(), re.DOTALL)
KEYS = {
    name: name.lower()
    for name in (
        *("OPENAI_API_KEY", "OPENROUTER_API_KEY", "AZURE_OPENAI_API_KEY", "MISTRAL_API_KEY", "CI_KEY"),
        *("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "CO_API_KEY"),
        "GPU_SECRET",
    )
}


def test_the_schema_on_disk_is_fresh() -> None:
    """`make schema` writes it."""
    assert reference.SCHEMA_FILE.read_text(encoding="utf-8") == reference.json_schema()


def test_the_page_on_disk_is_fresh() -> None:
    """`make schema` writes it."""
    assert reference.PAGE_FILE.read_text(encoding="utf-8") == reference.page()


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_of_the_page_compiles(tmp_path: Path, block: str) -> None:
    snapshot = compiled(tmp_path, block, KEYS).snapshot
    assert snapshot.providers or snapshot.services


def test_sizes_are_written_as_the_configuration_reads_them() -> None:
    assert re.search(r"`limits.headers` \| size \| `60KiB`", reference.page())
    assert re.search(r"`limits.body` \| size \| `32MiB`", reference.page())


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 6


def test_every_key_has_a_meaning_and_every_later_key_exists() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", reference.page(), re.MULTILINE)
    assert all(row[1].rsplit("|", 1)[1].strip() for row in rows), [row[0] for row in rows if row[1].endswith("| ")]
    paths = {re.sub(r"\.NAME|\[\]", ".*", path) for path, _ in rows}
    assert set(LATER) <= paths
    assert {path for path, _ in rows} == set(reference.keys())


def test_the_json_schema_is_one_and_points_at_no_host_of_ours() -> None:
    schema = json.loads(reference.json_schema())
    assert schema["title"] == "extproc configuration"
    assert "$id" not in schema
    assert schema["additionalProperties"] is False


def test_the_starter_compiles_as_it_is(tmp_path: Path) -> None:
    assert list(compiled(tmp_path, STARTER).snapshot.providers) == ["local"]


def test_the_starter_compiles_with_everything_in_it_uncommented(tmp_path: Path) -> None:
    lines = STARTER.splitlines()[5:]  # without the heading, which is prose
    code = r"^(\s*)# ((\s*(- )?\{)|(\s*[a-z_0-9]+:( |$)))"
    full = "\n".join(re.sub(r"^(\s*)# ", r"\1", line) if re.match(code, line) else line for line in lines)
    full = re.sub(r"/run/secrets/[a-z-]+", "secret", full)
    (tmp_path / "secret").write_text("k")
    found = loaded(tmp_path, full, KEYS)
    assert found.compiled is not None, [str(problem) for problem in found.problems]
    assert set(found.compiled.snapshot.aliases) == {"smart"}
