"""The HTTP half on real sockets: answers, faults of the connection, and the record of what arrived."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc.demo.catalog import FLAKY, INSTANT, Provider, Speed
from extproc.demo.faults import FAULT_MODELS
from tests.demo.running import on_tcp, on_unix_socket

LAB = Provider("lab", any_model=True)
HEADERS = {"authorization": "Bearer demo-lab"}
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module", params=["tcp", "unix"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    if request.param == "tcp":
        with on_tcp(LAB) as origin, httpx.Client(base_url=origin, headers=HEADERS) as client:
            yield client
    else:
        path = tmp_path_factory.mktemp("s") / "lab.sock"
        with on_unix_socket(LAB, path), over(path) as client:
            yield client


def over(path: Path) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(path))
    return httpx.Client(transport=transport, base_url="http://demo", headers=HEADERS)


def body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}


def data_lines(answer: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]


def test_answers_whole_and_streamed(lab: httpx.Client) -> None:
    whole = lab.post(CHAT, json=body("m")).raise_for_status()
    assert whole.headers["content-type"] == "application/json"
    assert whole.headers["x-request-id"].startswith("req_lab_")
    streamed = lab.post(CHAT, json=body("m", stream=True)).raise_for_status()
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *chunks, done = data_lines(streamed)
    text = "".join(json.loads(each)["choices"][0]["delta"].get("content", "") for each in chunks)
    assert done == "[DONE]" and text == whole.json()["choices"][0]["message"]["content"]


def test_transcription_of_an_upload(lab: httpx.Client) -> None:
    sound = lab.post("/v1/audio/speech", json={"model": "m", "input": "x"}).content
    form = {"file": ("beep.wav", sound, "audio/wav")}
    heard = lab.post("/v1/audio/transcriptions", data={"model": "m"}, files=form).raise_for_status()
    assert heard.json()["text"] == f"This is lab: I heard 0.25 seconds in {len(sound)} bytes."


@pytest.mark.parametrize(("model", "status"), [("fault-500", 500), ("fault-429", 429), ("fault-401", 401)])
def test_fault_statuses(lab: httpx.Client, model: str, status: int) -> None:
    answer = lab.post(CHAT, json=body(model))
    assert answer.status_code == status and answer.json()["error"]["message"]
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


@pytest.mark.parametrize("stream", [False, True])
def test_fault_reset_sends_nothing(lab: httpx.Client, stream: bool) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        lab.post(CHAT, json=body("fault-reset", stream=stream))


def test_fault_garbage_is_no_http_and_not_json_is_no_json(lab: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        lab.post(CHAT, json=body("fault-garbage"))
    with pytest.raises(json.JSONDecodeError):
        lab.post(CHAT, json=body("fault-not-json")).json()


@pytest.mark.parametrize("stream", [False, True])
def test_fault_cut_ends_in_the_middle(lab: httpx.Client, stream: bool) -> None:
    got = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        lab.stream("POST", CHAT, json=body("fault-cut", stream=stream)) as answer,
    ):
        for piece in answer.iter_bytes():
            got += piece
    assert answer.status_code == 200 and got and b"[DONE]" not in got


def test_fault_truncated_ends_cleanly_without_its_end(lab: httpx.Client) -> None:
    lines = data_lines(lab.post(CHAT, json=body("fault-truncated", stream=True)))
    assert len(lines) == 4 and "[DONE]" not in lines


def test_fault_error_events(lab: httpx.Client) -> None:
    first = lab.post(CHAT, json=body("fault-error-event", stream=True))
    assert first.status_code == 200 and list(json.loads(data_lines(first)[0])) == ["error"]
    late = data_lines(lab.post(CHAT, json=body("fault-late-error-event", stream=True)))
    assert "choices" in json.loads(late[0]) and "error" in json.loads(late[-1])
    named = lab.post("/v1/responses", json={"model": "fault-error-event", "input": "x", "stream": True})
    assert named.text.startswith("event: error\n")


def test_fault_hang_is_silent_until_the_client_leaves(lab: httpx.Client) -> None:
    lab.delete("/__demo/received")
    with pytest.raises(httpx.ReadTimeout):
        lab.post(CHAT, json=body("fault-hang"), timeout=0.3)
    assert ending_of_last(lab) == "client_left"


def test_fault_slow_holds_headers_or_the_first_event(lab: httpx.Client) -> None:
    for model, headers_wait in (("fault-slow", True), ("fault-slow-event", False)):
        began = time.monotonic()
        with lab.stream("POST", CHAT, json=body(model, stream=True)) as answer:
            assert (time.monotonic() - began > 1.5) is headers_wait
            next(answer.iter_bytes())
            assert 1.5 < time.monotonic() - began < 4


def test_every_fault_model_is_known(lab: httpx.Client) -> None:
    for model in set(FAULT_MODELS) - {"fault-hang", "fault-slow", "fault-slow-event"}:
        try:
            assert lab.post(CHAT, json=body(model)).status_code != 404
        except httpx.TransportError:
            continue


def test_reset_on_tcp_is_a_reset_and_garbage_is_raw() -> None:
    with on_tcp(LAB) as origin:
        assert raw(origin, "fault-garbage").startswith(b"\x00\x01\x02")
        with pytest.raises(ConnectionResetError):
            raw(origin, "fault-reset")


def raw(origin: str, model: str) -> bytes:
    content = json.dumps(body(model)).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-lab\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(origin.rsplit(":", 1)[1])), timeout=5) as connection:
        connection.sendall(head.encode() + content)
        return connection.recv(100)


def test_the_record_tells_what_arrived(lab: httpx.Client) -> None:
    assert lab.delete("/__demo/received").status_code == 204
    lab.post(CHAT + "?a=1", content=json.dumps(body("m")), headers=[("x-many", "1"), ("x-many", "2")])
    lab.post("/elsewhere", content=b"\xff")
    first, second = lab.get("/__demo/received").json()["received"]
    assert (first["method"], first["path"], first["query"]) == ("POST", CHAT, "a=1")
    assert first["headers"]["authorization"] == "Bearer demo-lab" and first["headers"]["x-many"] == "1, 2"
    assert json.loads(first["body"]) == body("m") and first["ending"] == "answered"
    assert second["path"] == "/elsewhere" and second["body_base64"] == "/w=="


def test_the_record_tells_that_the_client_left_a_stream(tmp_path: Path) -> None:
    slow = Provider("lab", any_model=True, speed=Speed(0.0, 5))
    with on_unix_socket(slow, tmp_path / "slow.sock") as path, over(path) as client:
        with client.stream("POST", CHAT, json=body("m", stream=True)) as answer:
            next(answer.iter_bytes())
        assert ending_of_last(client) == "client_left"


def ending_of_last(client: httpx.Client) -> str:
    for _ in range(50):
        ending: str = client.get("/__demo/received").json()["received"][-1]["ending"]
        if ending != "open":
            break
        time.sleep(0.02)
    return ending


def test_nothing_is_recorded_unasked() -> None:
    with on_tcp(LAB, record=False) as origin:
        assert httpx.get(f"{origin}/__demo/received", headers=HEADERS).status_code == 404


def test_the_flaky_one_recovers_on_the_next_request() -> None:
    flaky = Provider("lab", models=FLAKY.models, speed=INSTANT, fails_every=3)
    seen: list[int | str] = []
    with on_tcp(flaky) as origin, httpx.Client(base_url=origin, headers=HEADERS) as client:
        for _ in range(9):
            try:
                seen.append(client.post(CHAT, json=body("demo-chat")).status_code)
            except httpx.TransportError:
                seen.append("gone")
    assert seen == [500, 200, 200, 429, 200, 200, "gone", 200, 200]
