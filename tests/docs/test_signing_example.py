"""The receiving side of docs/signing.md, run: it lets signed requests in, once, and nothing else."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from extproc.signing import sign

PAGE = (Path(__file__).parents[2] / "docs" / "signing.md").read_text()
SECRET = b"hush"
CHAT = ("POST", "/v1/a%2Fb", "x=1", b'{"model":"m"}')


@pytest.fixture
def guard(tmp_path: Path) -> Any:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    names: dict[str, Any] = {}
    exec(example.replace('open("/run/secrets/gateway", "rb").read()', repr(SECRET + b"\n")), names)
    return names["signed_only"]


def scope(headers: tuple[tuple[str, str], ...], kind: str = "http") -> dict[str, Any]:
    method, path, query, _ = CHAT
    raw = [(name.encode(), value.encode()) for name, value in headers]
    line = {"method": method, "raw_path": path.encode(), "query_string": query.encode()}
    return {"type": kind, "headers": raw, **line}


async def asked(guard: Any, headers: tuple[tuple[str, str], ...], body: bytes, kind: str = "http") -> tuple[int, bytes]:
    """The status, and what the application behind the guard read."""
    parts = [{"body": body[:5], "more_body": True}, {"body": body[5:]}]
    said: list[dict[str, Any]] = []
    read: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", **parts.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async def app(_: Any, receive: Any, send: Any) -> None:
        read.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200})

    await guard(app)(scope(headers, kind), receive, send)
    return said[0]["status"], b"".join(read)


@pytest.mark.parametrize("scheme", ["v1", "v2"])
async def test_what_is_signed_gets_in_with_its_whole_body(guard: Any, scheme: Any) -> None:
    assert await asked(guard, sign(SECRET, scheme, *CHAT, time.time(), "n"), CHAT[3]) == (200, CHAT[3])


async def test_everything_else_stays_out(guard: Any) -> None:
    good = sign(SECRET, "v2", *CHAT, time.time(), "n")
    assert (await asked(guard, (), CHAT[3]))[0] == 401
    assert (await asked(guard, good, CHAT[3] + b" "))[0] == 401
    assert (await asked(guard, sign(b"other", "v2", *CHAT, time.time(), "n"), CHAT[3]))[0] == 401
    assert (await asked(guard, good, CHAT[3], "websocket"))[0] == 401
    assert (await asked(guard, good, CHAT[3]))[0] == 200
    assert (await asked(guard, good, CHAT[3]))[0] == 401, "a second time"


def test_the_vectors_are_those_of_the_code() -> None:
    body = b'{"model":"m","messages":[]}'
    for scheme, path, query in (("v1", "/v1/chat/completions", ""), ("v2", "/v1/a%2Fb", "x=1&y=%20")):
        made = sign(
            b"your-shared-secret-here",
            scheme,
            "POST",
            path,
            query,
            body,
            1_700_000_000,
            "0123456789abcdef",  # type: ignore[arg-type]
        )
        assert f"| `{dict(made)['x-signature']}` |" in PAGE
