"""`extproc sign` and `extproc verify`: headers for curl, and whether what came holds."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extproc.cli import verify
from extproc.signing import Invalid
from tests.cli.running import call

SECRET = "your-shared-secret-here"
BODY = b'{"model":"m","messages":[]}'
SIGNATURE = "8863d8e1fac3b761d58eb6a952444fff2df5c9f3953dbe46eb177bf76897beb6"
VECTOR = ["-H", "X-Timestamp: 1700000000", "-H", f"X-Signature: {SIGNATURE}", "-H", "X-Auth-Type:hmac-sha256"]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "body").write_bytes(BODY)
    return ["--secret-file", str(tmp_path / "secret"), "--body", str(tmp_path / "body")]


def verified(*arguments: str, **more: Any) -> tuple[int, dict[str, Any]]:
    result = call("verify", *arguments, **more)
    assert SECRET not in result.output
    return result.exit_code, json.loads(result.stdout)


def test_the_published_vector_holds_three_seconds_later(files: list[str]) -> None:
    code, told = verified(*files, "--path", "/v1/chat/completions?x=1", *VECTOR, "--at", "1700000003")
    assert (code, told) == (0, {"valid": True, "scheme": "v1", "age_seconds": 3})


def test_an_old_one_does_not_and_says_how_old_it_is(files: list[str]) -> None:
    code, told = verified(*files, "--path", "/v1/chat/completions", *VECTOR)
    assert (code, told["valid"], told["reason"]) == (1, False, "timestamp_off")
    assert told["age_seconds"] > 300 and told["hint"] == Invalid.TIMESTAMP_OFF.value


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--method", "PUT"], "signature_differs"),
        (["-H", "X-Signature: 00"], "header_twice"),
    ],
)
def test_what_differs_is_said(files: list[str], change: list[str], reason: str) -> None:
    code, told = verified(*files, "--path", "/v1/chat/completions", *VECTOR, "--at", "1700000000", *change)
    assert (code, told["reason"]) == (1, reason)


def test_without_headers_the_ones_that_are_needed_are_named(files: list[str]) -> None:
    code, told = verified(*files, "--path", "/")
    assert (code, told["reason"], told["scheme"], told["age_seconds"]) == (1, "header_missing", None, None)
    assert "X-Timestamp" in told["hint"]


@pytest.mark.parametrize("scheme", ["v1", "v2"])
def test_what_is_signed_here_holds_here(scheme: str, files: list[str]) -> None:
    request = ["--path", "/a%2Fb?x=1", "--method", "PUT"]
    signed = call("sign", *files, *request, "--scheme", scheme)
    assert signed.exit_code == 0 and SECRET not in signed.output
    lines = signed.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines][:3] == ["X-Timestamp", "X-Signature", "X-Auth-Type"]
    headers = [word for line in lines for word in ("-H", line)]
    code, told = verified(*files, *request, *headers)
    assert (code, told["valid"], told["scheme"]) == (0, True, scheme)
    assert told["age_seconds"] in (0, 1, 2)


def test_a_secret_comes_from_a_variable_and_a_body_from_standard_input() -> None:
    said = ["--secret-env", "OLD", "--secret-env", "NEW", "--path", "/v1/chat/completions", "--body", "-", *VECTOR]
    result = verified(*said, "--at", "1700000000", stdin=BODY.decode(), environment={"OLD": "x", "NEW": f" {SECRET}"})
    assert result[0] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "a secret is needed"),
        (["--secret-env", SECRET], "takes the name of an environment variable"),
        (["--secret-env", "EMPTY"], r"the secret in \$EMPTY is empty"),
        (["--secret-file", "/does/not/exist"], "No such file"),
        (["--secret-env", "GOOD", "--body", "/does/not/exist"], "No such file"),
        (["--secret-env", "GOOD", "-H", "no colon"], "-H takes"),
    ],
)
def test_a_wrong_command_line_is_said_without_the_secret(arguments: list[str], complaint: str) -> None:
    result = call("verify", "--path", "/", *arguments, environment={"EMPTY": " ", "GOOD": SECRET})
    assert result.exit_code == 2
    assert re.search(complaint, result.output)
    assert SECRET not in result.output


def test_what_cannot_be_sent_is_not_signed() -> None:
    said = ["--secret-env", "S", "--path", "/a\nb", "--scheme", "v2"]
    result = call("sign", *said, environment={"S": SECRET})
    assert (result.exit_code, result.stdout) == (2, "")
    twice = call("sign", "--path", "/", "--secret-env", "S", "--secret-env", "S", environment={"S": SECRET})
    assert twice.exit_code == 2 and "one secret signs" in twice.output


def test_on_a_terminal_it_is_one_line(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify.screen, "for_people", lambda: True)
    good = call("verify", *files, "--path", "/v1/chat/completions", *VECTOR, "--at", "1700000003")
    assert good.stdout == "valid (v1, 3 s old)\n"
    old = call("verify", *files, "--path", "/v1/chat/completions", *VECTOR, "--at", "1700000301")
    assert old.stdout.startswith("timestamp_off (301 s old): ") and old.stdout.count("\n") == 1


def test_neither_brings_the_gateway_along() -> None:
    """Whoever verifies in a script pays for signing alone."""
    heavy = "extproc.app", "extproc.dataplane", "extproc.wire", "grpc", "pydantic"
    code = f"import sys, extproc.cli.sign, extproc.cli.verify; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
