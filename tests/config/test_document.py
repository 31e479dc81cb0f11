"""Reading YAML: places, kinds of scalars, merge keys, variables and directories."""

from pathlib import Path

import pytest

from extproc.config.document import Document, read_document
from extproc.config.scalars import TAG, scalar, tag_of
from extproc.config.yaml_nodes import read_tree
from tests.config.places import LAB, messages, mount


def read(text: str, environment: dict[str, str] | None = None, directory: Path | None = None) -> dict[str, object]:
    from extproc.config.variables import put_in

    tree, problems = read_tree(text.encode(), "f")
    assert tree is not None
    assert not problems
    assert not put_in(tree, environment or {})
    return Document(tree).plain()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("true", "bool"),
        ("False", "bool"),
        ("on", "str"),
        ("no", "str"),
        ("y", "str"),
        ("2024-10-21", "str"),
        ("12:30:45", "str"),
        ("1_000", "str"),
        ("12", "int"),
        ("-0x1f", "str"),
        ("0x1F", "int"),
        ("0o17", "int"),
        ("017", "int"),
        ("1.5", "float"),
        ("1e3", "float"),
        (".inf", "float"),
        ("~", "null"),
        ("", "null"),
        ("1" * 65, "str"),
    ],
)
def test_plain_scalars_have_the_kinds_of_yaml_1_2(text: str, kind: str) -> None:
    assert tag_of(text) == TAG + kind


def test_a_number_prints_as_it_was_written() -> None:
    assert str(scalar(TAG + "float", "1.10")) == "1.10"
    assert str(scalar(TAG + "int", "007")) == "007"
    assert scalar(TAG + "int", "007") == 7
    assert scalar(TAG + "int", "0o17") == 15


def test_every_value_knows_its_line() -> None:
    tree, _ = read_tree(b"a:\n  b: 1\n  c:\n    - x\n    - y\n", "f")
    assert tree is not None
    document = Document(tree)
    assert document.problem(("a", "c", 1), "m").line == 5
    assert document.problem(("a", "c"), "m").line == 3
    assert document.problem(("a", "missing"), "m").line == 1


def test_merge_keys_fill_in_what_is_not_written() -> None:
    assert read("base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\n")["own"] == {"x": 1, "y": 3}
    assert read("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nown: {<<: [*a, *b]}\n")["own"] == {"x": 1, "z": 3}


def test_variables_go_into_values_after_parsing() -> None:
    environment = {"NAME": "a: {b", "EMPTY": "", "PORT": "60"}
    assert read("k: ${NAME}", environment) == {"k": "a: {b"}
    assert read("k: ${EMPTY:-else}", environment) == {"k": "else"}
    assert read("k: ${GONE:-}x", environment) == {"k": "x"}
    assert read("k: a$$b$${c}", environment) == {"k": "a$b${c}"}
    assert read("k: /v2/$1", environment) == {"k": "/v2/$1"}
    assert read("${NAME}: v", environment) == {"${NAME}": "v"}


def test_a_plain_value_becomes_a_number_and_a_quoted_one_stays_text() -> None:
    assert read("a: ${PORT}\nb: '${PORT}'", {"PORT": "60"}) == {"a": 60, "b": "60"}


def test_a_variable_in_an_anchor_is_put_in_once() -> None:
    assert read("a: &a [$$$$]\nb: *a", {}) == {"a": ["$$"], "b": ["$$"]}


def test_the_files_of_a_directory_merge_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "2.yml").write_text("providers: {two: {dialect: ollama}}\nroutes: [{name: b}]\n")
    (tmp_path / "1.yaml").write_text(
        f"providers:\n  {LAB}\nroutes: [{{name: a}}]\nfailover: {{chains: {{x: [{{provider: two}}]}}}}\n"
    )
    (tmp_path / "3.yaml").write_text("failover: {max_attempts: 2, chains: {y: [{provider: lab}]}}\n")
    (tmp_path / ".hidden.yaml").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("nonsense")
    document, problems, files = read_document(tmp_path, {})
    assert not problems
    assert document is not None
    plain = document.plain()
    assert [file.name for file in files] == ["1.yaml", "2.yml", "3.yaml"]
    assert list(plain["providers"]) == ["lab", "two"]
    assert [route["name"] for route in plain["routes"]] == ["a", "b"]
    assert list(plain["failover"]["chains"]) == ["x", "y"]
    assert document.problem(("routes", 1, "name"), "m").file.endswith("2.yml")


def test_the_same_key_in_two_files_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text(f"providers:\n  {LAB}\n")
    (tmp_path / "2.yaml").write_text(f"providers:\n  # again\n  {LAB}\n")
    _, problems, _ = read_document(tmp_path, {})
    one, two = tmp_path / "1.yaml", tmp_path / "2.yaml"
    assert [str(problem) for problem in problems] == [
        f"{two}:3: providers.lab: the same key stands twice: also at {one}:2 (keep one)"
    ]


def test_a_mounted_config_map_reads_each_file_once(tmp_path: Path) -> None:
    mount(tmp_path, "first", {"a.yaml": f"providers:\n  {LAB}\n"})
    document, problems, files = read_document(tmp_path, {})
    assert not problems
    assert document is not None
    assert files == (tmp_path / "a.yaml",)


def test_a_directory_without_yaml_says_so(tmp_path: Path) -> None:
    _, problems, _ = read_document(tmp_path, {})
    assert problems[0].message == "the directory holds no *.yaml or *.yml file"


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    from extproc.config.load import load

    assert messages(load(tmp_path / "gone.yaml", {})) == ["1: the file cannot be read: no such file or directory"]
