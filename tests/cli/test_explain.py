"""`extproc explain`: the decision for a request, as one document, without anything sent."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import CALLERS, ONE, SECRETS, call

CHAT = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "g.yaml"
    file.write_text(ONE)
    return str(file)


@dataclass
class Serving:
    """An admin port that answers what a test says."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)


@pytest.fixture
def serving() -> Iterator[Serving]:
    made = Serving()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join(5)


def explained(config: str, request: Any, *more: str) -> tuple[int, dict[str, Any]]:
    text = request if isinstance(request, str) else json.dumps(request)
    result = call("explain", "-c", config, *more, "-", stdin=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


def test_a_chat_body_is_explained_with_facts_candidates_plan_and_headers(config: str) -> None:
    code, told = explained(config, CHAT)
    assert code == 0
    assert told["facts"]["route"] == "2-v1"
    assert told["facts"]["model"] == "smart"
    assert [set(candidate) for candidate in told["candidates"]] == [{"target", "kept", "reason", "score"}] * 2
    assert told["plan"] == ["lab/big", "lab/small"]
    assert told["headers"]["x-envoy-max-retries"] == "1"
    assert told["headers"]["x-extproc-target"] == "lab/big"
    assert told["refusal"] is None


def test_what_ties_requests_together_is_shown_by_digests_alone(config: str) -> None:
    words = "the secret of the harbour"
    request = {**CHAT, "session_id": words, "user": words, "messages": [{"role": "user", "content": words}]}
    _, told = explained(config, {**request, "requirements": {"sea_view": True, "min_depth": 9}})
    assert words not in json.dumps(told["facts"])
    assert all(len(told["facts"][name]) == 16 for name in ("session", "user", "prefix"))
    assert told["facts"]["requirements"] == {"sea_view": True, "min_depth": 9}


def test_a_file_and_standard_input_say_the_same(config: str, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(CHAT))
    result = call("explain", "-c", config, "--json", str(file))
    assert json.loads(result.stdout) == explained(config, CHAT)[1]


def test_a_whole_request_has_a_path_headers_and_any_body(config: str) -> None:
    request = {
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": {"X-Extproc-Team": "blue", "X-Extproc-Provider": "lab"},
        "body": {"model": "small"},
    }
    _, told = explained(config, request)
    assert told["plan"] == ["lab/small"]
    assert told["facts"]["labels"] == {"team": "blue"}
    as_text = explained(config, {**request, "body": json.dumps(request["body"])})[1]
    assert as_text == told


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"model": "gone"}, 404, "model_not_found"),
        ({"path": "/nowhere"}, 404, "route_not_found"),
        ({"path": "/v1/nothing"}, 404, "unknown_endpoint"),
        ({"path": "/v1/chat/completions", "method": "GET"}, 405, "method_not_allowed"),
        ({"path": "/v1/chat/completions"}, 400, "invalid_json"),
        ({"path": "/v1/chat/completions", "body": "no"}, 400, "invalid_json"),
        ({"model": 5}, 400, "invalid_request"),
    ],
)
def test_a_refusal_is_explained_and_the_exit_code_says_no(config: str, request_: Any, status: int, code: str) -> None:
    exit_code, told = explained(config, request_)
    assert exit_code == 1
    assert (told["refusal"]["status"], told["refusal"]["code"]) == (status, code)
    assert told["plan"] == []


def test_a_list_of_models_is_explained_by_the_names_that_it_would_hold(config: str) -> None:
    code, told = explained(config, {"method": "GET", "path": "/v1/models"})
    assert code == 0
    assert told["refusal"] is None
    assert told["models"] == ["smart", "small", "big"]


def test_a_services_request_needs_no_plan(config: str) -> None:
    code, told = explained(config, {"method": "GET", "path": "/shop/1"})
    assert (code, told["service"], told["plan"], told["refusal"]) == (0, "shop", [], None)


def test_no_secret_is_ever_printed(config: str, tmp_path: Path, monkeypatch) -> None:
    keyed = tmp_path / "keyed.yaml"
    keyed.write_text(ONE + CALLERS)
    request = {
        "path": "/v1/chat/completions",
        "headers": {"authorization": f"Bearer {SECRETS[1]}", "x-api-key": SECRETS[2]},
        "body": {"model": "small"},
    }
    for people in (True, False):
        monkeypatch.setattr("extproc.cli.screen.for_people", lambda people=people: people)
        result = call("explain", "-c", str(keyed), "-", stdin=json.dumps(request))
        assert result.exit_code == 0
        assert "lab/small" in result.output
        assert "ci" in result.output
        assert not [secret for secret in SECRETS if secret in result.output]
    refused = {**request, "headers": {"authorization": f"Bearer {SECRETS[2]}"}}
    result = call("explain", "-c", str(keyed), "-", stdin=json.dumps(refused))
    assert (result.exit_code, json.loads(result.stdout)["refusal"]["status"]) == (1, 401)
    assert not [secret for secret in SECRETS if secret in result.output]


@pytest.mark.parametrize(
    "text", ["{", "[]", "", '{"path": "/v1/x", "headers": []}', '{"path": "/v1/x", "headers": ["a"]}']
)
def test_what_is_no_request_is_one_line(config: str, text: str) -> None:
    result = call("explain", "-c", config, "-", stdin=text)
    if result.stdout:  # an empty list of headers is none
        assert json.loads(result.stdout)["refusal"]["code"] == "unknown_endpoint"
        return
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_half_a_character_cannot_be_sent(config: str) -> None:
    result = call("explain", "-c", config, "-", stdin='{"path": "/v1/chat/completions", "body": "\\ud800"}')
    assert isinstance(result.exception, SystemExit)
    assert "half a character" in result.stderr


def test_a_request_or_configuration_that_is_not_there_is_said(config: str, tmp_path: Path) -> None:
    result = call("explain", "-c", config, str(tmp_path / "gone.json"))
    assert (result.exit_code, "gone.json" in result.stderr) == (1, True)
    result = call("explain", "-c", str(tmp_path / "gone.yaml"), "-", stdin="{}")
    assert (result.exit_code, "gone.yaml:1" in result.stderr) == (1, True)


def test_the_dice_are_the_askers(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(
        ONE.replace("aliases", "strategies: {default: {kind: weighted, weights: {lab: 1, own: 0}}}\naliases")
    )
    for draw in ("0", "0.5", "1"):
        assert explained(str(file), {"model": "small"}, "--draw", draw)[1]["plan"] == ["lab/small"]
    assert call("explain", "-c", str(file), "--draw", "2", "-", stdin="{}").exit_code == 2


@pytest.mark.parametrize("model", ["[/x]", "[red]", "small"])
def test_on_a_terminal_text_of_the_request_is_no_markup(config: str, model: str, monkeypatch) -> None:
    monkeypatch.setattr("extproc.cli.screen.for_people", lambda: True)
    result = call("explain", "-c", config, "-", stdin=json.dumps({"model": model}))
    assert isinstance(result.exception, SystemExit) or result.exception is None
    assert model in result.stdout


# --- with a running gateway's eyes -----------------------------------------------------------------------------------

SHUT = {"targets": {"lab/big": {"breaker": "shut", "reopens_in": 30.0, "why": "5 failures in a row"}}}


def saved(tmp_path: Path, document: Any) -> str:
    file = tmp_path / "observations.json"
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return str(file)


def test_what_a_gateway_saw_is_decided_by(config: str, tmp_path: Path) -> None:
    """The breaker that is shut there is shut here, for as long."""
    code, told = explained(config, CHAT, "--observed", saved(tmp_path, SHUT))
    assert code == 0 and told["plan"] == ["lab/small"]
    assert {one["target"]: one["kept"] for one in told["candidates"]} == {"lab/big": False, "lab/small": True}


def test_a_running_gateway_is_asked_by_its_admin_port(config: str, serving: Serving) -> None:
    serving.answers["/observations"] = (200, json.dumps(SHUT).encode())
    for url in (serving.url, f"{serving.url}/", f"{serving.url}/observations"):
        assert explained(config, CHAT, "--observed", url)[1]["plan"] == ["lab/small"]


UNREADABLE: list[tuple[Any, str]] = [
    (b"", "what it says is not JSON"),
    (b"{", "what it says is not JSON"),
    (b"\xff\xfe", "what it says is not JSON"),
    (b"[" * 100_000, "what it says is not JSON"),
    ([], "these are no observations"),
    ({"targets": {"lab/big": {"breaker": "open"}}}, "these are no observations: Invalid enum value 'open'"),
    (b'{"targets": {"lab/big": {"turn": NaN}}}', "what it says is not JSON"),
]


@pytest.mark.parametrize(("document", "expected"), UNREADABLE)
def test_what_cannot_be_read_is_one_clear_line(config: str, tmp_path: Path, document: Any, expected: str) -> None:
    refused(config, saved(tmp_path, document), expected)


def test_whatever_cannot_be_reached_is_one_clear_line(config: str, tmp_path: Path, serving: Serving) -> None:
    refused(config, str(tmp_path / "none.json"), "No such file or directory")
    refused(config, str(tmp_path), "Is a directory")
    refused(config, "http://127.0.0.1:1", "onnect")
    refused(config, "http://[::1", "Invalid")
    serving.answers["/observations"] = (503, b'{"error": "no processor answers"}')
    refused(config, serving.url, "it answered 503")


def refused(config: str, observed: str, expected: str) -> None:
    result = call("explain", "-c", config, "--observed", observed, "-", stdin=json.dumps(CHAT))
    assert isinstance(result.exception, SystemExit) and result.exit_code == 1, result.exception
    assert result.stdout == "" and len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert f"--observed {observed}: " in result.stderr and expected in result.stderr, result.stderr


def test_the_portable_form_is_explained_as_what_it_is(config: str, tmp_path: Path) -> None:
    """One target, and who would be next is said."""
    asked = tmp_path / "request.json"
    asked.write_text('{"model": "smart", "messages": []}')
    whole = json.loads(call("explain", "-c", config, "--json", str(asked)).stdout)
    portable = json.loads(call("explain", "-c", config, "--json", "--form", "portable", str(asked)).stdout)
    assert (whole["plan"], portable["plan"]) == (["lab/big", "lab/small"], ["lab/big"])
    assert portable["reason"].endswith("its Envoy walks no plan, else lab/small would be next")
    assert [one["kept"] for one in portable["candidates"]] == [True, False]
