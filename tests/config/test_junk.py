"""Whatever an operator writes, loading ends with a snapshot or with problems."""

from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.config.load import load, load_document
from extproc.config.schema import Configuration

WORDS = [*Configuration.model_fields, "dialect", "openai", "match", "path", "models", "chains", "kind", "key", "a", "*"]
WORDS += ["among", "within", "cost", "canary", "stable", "split", "scores", "blend", "rules", "ties", "strategy", "s"]
WORDS += ["health", "sign", "hmac", "secret", "tls", "client_key", "cost_per_hour", "shadow", "target", "steps", "1%"]
WORDS += ["credential", "file", "service", "weights", "<<", "<text>", "base_url", "name", "failover", "endpoints"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(WORDS),
    st.sampled_from(["${A}", "${A:-b}", "$", "http://h", "http://[::", "unix:///", "1s", "/*", "$9", "\0"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), inner)
    ),
    max_leaves=12,
)
SECTIONS = st.dictionaries(st.sampled_from(list(Configuration.model_fields)), VALUES, max_size=5)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(SECTIONS)
def test_values_of_any_shape_compile_or_have_problems(values: dict[str, object]) -> None:
    found = load_document(values, "junk")
    assert (found.compiled is None) == bool(found.problems)
    assert all(str(problem).startswith("junk:1: ") for problem in found.problems)


@QUICK
@given(st.one_of(st.binary(max_size=60), st.text(alphabet="ab:-?[]{}&*!|>'\"%@`\\#,\n\t $<~U0", max_size=60)))
def test_text_of_any_kind_is_read_or_has_problems(tmp_path: Path, text: bytes | str) -> None:
    file = tmp_path / "junk.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert load(file, {}).problems


@QUICK
@given(SECTIONS)
def test_written_yaml_is_read_or_has_problems(tmp_path: Path, values: dict[str, object]) -> None:
    file = tmp_path / "junk.yaml"
    file.write_text(yaml.safe_dump(values))
    found = load(file, {"A": "x"})
    assert (found.compiled is None) == bool(found.problems)
    assert all(problem.line >= 1 for problem in found.problems)


def test_a_key_that_is_spelled_like_no_key_is_a_problem() -> None:
    """A provider that is left out as a whole is not there any more when its second error is spoken of."""
    assert len(load_document({"providers": {"it": {"<text>": None, "providers": None}}}, "junk").problems) >= 2


def test_deep_nesting_and_monstrous_escapes_are_problems(tmp_path: Path) -> None:
    file = tmp_path / "junk.yaml"
    for text in (
        "[" * 5000,
        "a: " + "[" * 200 + "]" * 200,
        'a: "\\UFFFFFFFF"',
        "a: " + "9" * 10_000,
        "%YAML 9.9\n---\na",
    ):
        file.write_text(text)
        assert load(file, {}).problems
