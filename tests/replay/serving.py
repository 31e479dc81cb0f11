"""An upstream that gives recorded answers, in pieces of any size.

Law: which recording and which size stand in the request itself, in `traceparent` for the gateway (which passes it on)
or as the first segment of the path for SDKs that come directly; so many can be served at once and nothing is shared.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.envoy.upstream import LAST_CHUNK, Asked, Upstream, chunk, scripted
from tests.replay.recordings import Fitting

LEFT_OUT = "00-{number:016x}{size:016x}-00000000000000a1-01"
DIRECTLY = "/recorded-"


@dataclass(slots=True)
class Shelf:
    """What is served, and what was asked for it."""

    fittings: Mapping[int, Fitting]
    paths: dict[tuple[int, int], str]
    upstream: Upstream

    @property
    def origin(self) -> str:
        return self.upstream.origin

    def direct(self, number: int) -> str:
        return f"{self.origin}{DIRECTLY}{number}"


def traceparent(number: int, size: int) -> str:
    return LEFT_OUT.format(number=number, size=size)


@contextlib.contextmanager
def serving(fittings: Mapping[int, Fitting], through: Callable[[Fitting], Fitting]) -> Iterator[Shelf]:
    paths: dict[tuple[int, int], str] = {}

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        number, size = _which(asked)
        paths[number, size] = asked.path
        fitting = fittings[number]
        await _play(fitting if asked.path.startswith(DIRECTLY) else through(fitting), size, writer)

    with scripted(script) as upstream:
        yield Shelf(fittings, paths, upstream)


def _which(asked: Asked) -> tuple[int, int]:
    if asked.path.startswith(DIRECTLY):
        return int(asked.path.removeprefix(DIRECTLY).split("/")[0].partition("?")[0]), 0
    trace = asked.headers["traceparent"].split("-")[1]
    return int(trace[:16], 16), int(trace[16:], 16)


async def _play(fitting: Fitting, size: int, writer: asyncio.StreamWriter) -> None:
    """Size 0 is all in one piece."""
    recording = fitting.recording
    lines = [f"HTTP/1.1 {recording.status} X", f"content-type: {recording.content_type}"]
    lines += [f"{name}: {value}" for name, value in fitting.kept.items()]
    lines += ["transfer-encoding: chunked" if fitting.streamed else f"content-length: {len(recording.body)}"]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    step = size or max(len(recording.body), 1)
    for start in range(0, len(recording.body), step):
        piece = recording.body[start : start + step]
        writer.write(chunk(piece) if fitting.streamed else piece)
        await writer.drain()
        await asyncio.sleep(0)
    if fitting.streamed:
        writer.write(LAST_CHUNK)
    await writer.drain()
