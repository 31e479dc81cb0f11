"""A provider of any format that holds a conversation: it greets, calls a tool and tells its result, fits a schema.

Law: what it cannot hear is a 400 in its own format with the reason, so that a wrong request is seen by whoever sent it.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from extproc.demo.schema_sample import sample
from tests.envoy.upstream import LAST_CHUNK, Asked, Script, Upstream, chunk, scripted
from tests.upstreams.formats import FORMATS, Format
from tests.upstreams.words import Heard, Said

ASKS_FOR_A_TOOL = "weather"
ASKS_FOR_A_LIMIT = "too many"
FAILS_LATE = "fail late"
FILLER = "sample"


def reply(heard: Heard) -> Said:
    if heard.results:
        return Said(f"The tools say: {' and '.join(heard.results)}")
    if heard.forced is not None and heard.tools:
        name, schema = next((tool for tool in heard.tools if tool[0] == heard.forced), heard.tools[0])
        return Said(calls=((name, sample(schema or {"type": "object"}, FILLER)),))
    if heard.schema is not None:
        return Said(json.dumps(sample(heard.schema, FILLER)))
    if heard.tools and ASKS_FOR_A_TOOL in heard.text:
        name, schema = heard.tools[0]
        call = (name, sample(schema or {"type": "object"}, FILLER))
        return Said("Let me look.", (call,), thought="They want a tool.")
    return Said(f"You said: {heard.text}", thought="A greeting.")


def speaking(form: Format) -> Script:
    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        try:
            heard = form.hear(asked.path, json.loads(asked.body))
        except (AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
            await _send(writer, *form.error(400, f"not understood: {error!r}"), form.type)
            return
        if ASKS_FOR_A_LIMIT in heard.text:
            await _send(writer, *form.error(429, "Slow down."), form.type)
        elif heard.streamed:
            answer = replace(reply(heard), usage_asked=heard.usage_asked)
            late = replace(answer, thought="")
            said = form.failing_stream(late) if FAILS_LATE in heard.text else form.stream(answer)
            await _stream(writer, said, form.stream_type)
        else:
            await _send(writer, 200, {}, form.whole(reply(heard)), form.type)

    return script


@contextmanager
def speaker(dialect: str) -> Iterator[Upstream]:
    with scripted(speaking(FORMATS[dialect])) as upstream:
        yield upstream


async def _send(
    writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes, content_type: str
) -> None:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, body: bytes, content_type: str) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for start in range(0, len(body), 50):
        writer.write(chunk(body[start : start + 50]))
        await writer.drain()
    writer.write(LAST_CHUNK)
    await writer.drain()
