"""`extproc check` and `extproc init`: a configuration is good, or each of its mistakes stands on one line."""

import json
import re
from pathlib import Path

from tests.cli.running import ONE, SECRETS, call


def test_a_good_configuration_is_told_as_json_when_piped(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(ONE)
    result = call("check", str(file))
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told.pop("hash")
    assert told == {
        "providers": ["lab", "own"],
        "services": ["shop"],
        "routes": ["1-shop", "2-v1"],
        "aliases": ["smart"],
        "strategies": [],
        "callers": 0,
        "notes": [],
    }


def test_a_good_one_is_told_in_words_on_a_terminal_whatever_its_names_hold(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(ONE.replace("smart:", '"[/odd]":'))
    monkeypatch.setattr("extproc.cli.screen.for_people", lambda: True)
    result = call("check", str(file))
    assert result.exit_code == 0
    assert "is good" in result.stdout
    assert "[/odd]" in result.stdout


def test_what_works_and_not_as_one_may_think_is_noted(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "g.yaml"
    file.write_text("providers: {aws: {dialect: bedrock, region: us-east-1}}\n")
    result = call("check", str(file))
    (note,) = json.loads(result.stdout)["notes"]
    assert result.exit_code == 0
    assert note.startswith(f"{file}:1: providers.aws: no credential is sent")
    monkeypatch.setattr("extproc.cli.screen.for_people", lambda: True)
    assert note in call("check", str(file)).stdout


def test_every_mistake_is_one_line_with_file_line_and_path_on_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text(
        "providers:\n  lab:\n    dialect: opnai\n    credential: sk-lab-secret-1\n    modles: [a]\nrutes: []\n"
    )
    result = call("check", str(file))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    pattern = re.compile(rf"{re.escape(str(file))}:(\d+): ([\w.]+): .+")
    found = [match.groups() for line in lines if (match := pattern.fullmatch(line))]
    assert len(found) == len(lines)
    assert {("3", "providers.lab.dialect"), ("5", "providers.lab.modles"), ("6", "rutes")} <= set(found)
    assert SECRETS[0] not in result.output


def test_a_directory_reads_like_one_file(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text("providers: {lab: {dialect: ollama}}\n")
    (tmp_path / "2.yml").write_text("aliases: {smart: lab/x}\n")
    (tmp_path / "README").write_text("not: [read\n")
    result = call("check", str(tmp_path))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["aliases"] == ["smart"]
    (tmp_path / "2.yml").write_text("aliases: {smart: gone/x}\n")
    result = call("check", str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{tmp_path / '2.yml'}:1: aliases.smart")


def test_a_missing_file_and_an_empty_directory_are_mistakes_too(tmp_path: Path) -> None:
    for source in (tmp_path / "gone.yaml", tmp_path):
        result = call("check", str(source))
        assert result.exit_code == 1
        assert result.stdout.startswith(str(source))
        assert len(result.stdout.splitlines()) == 1


def test_the_file_in_this_directory_is_checked_when_none_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "extproc.yaml").write_text(ONE)
    assert call("check").exit_code == 0


def test_a_variable_that_is_set_is_used_and_one_that_is_not_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_text('providers: {lab: {dialect: openai, credential: "${A_TEST_KEY}"}}\n')
    result = call("check", str(file))
    assert (result.exit_code, "A_TEST_KEY" in result.stdout) == (1, True)
    assert call("check", str(file), environment={"A_TEST_KEY": "sk-1"}).exit_code == 0


# --- init ------------------------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_passes_check(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("init")
    assert result.exit_code == 0
    assert "extproc check extproc.yaml" in " ".join(result.stdout.split())
    assert call("check").exit_code == 0


def test_init_never_overwrites_unless_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    result = call("init", str(file))
    assert result.exit_code == 1
    assert file.read_text() == "mine"
    assert "--force" in result.stderr
    assert call("init", str(file), "--force").exit_code == 0
    assert file.read_text().startswith("# extproc")


def test_init_can_print_the_same_text_instead(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed = call("init", "--stdout")
    assert printed.exit_code == 0
    assert list(tmp_path.iterdir()) == []
    call("init")
    assert (tmp_path / "extproc.yaml").read_text() == printed.stdout


def test_init_says_in_one_line_why_it_cannot_write(tmp_path: Path) -> None:
    result = call("init", str(tmp_path / "gone" / "x.yaml"))
    assert result.exit_code == 1
    assert "cannot write" in result.stderr
    assert "Traceback" not in result.output
