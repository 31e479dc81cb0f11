"""The HTTP half: reads a request, asks the desk for a Reply and plays it.

Law: nothing is decided here. Sleeping and the clock are arguments, so a test can make an answer take no time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from extproc.demo.catalog import Provider
from extproc.demo.connection import cut, reset, talk_garbage, transport_of
from extproc.demo.desk import answered, is_counted
from extproc.demo.errors import REQUEST_ID_HEADER
from extproc.demo.received import Received, Record
from extproc.demo.reply import Headers, Offence, Plain, Reply, Streamed
from extproc.demo.request import Request, request_id

Sleep = Callable[[float], Awaitable[object]]
Clock = Callable[[], float]
RECEIVED_PATH = "/__demo/received"


def build_app(
    provider: Provider, *, record: bool = False, sleep: Sleep = asyncio.sleep, clock: Clock = time.time
) -> Starlette:
    """A provider as an ASGI application; with `record` also GET and DELETE /__demo/received.

    Faults of the connection need `server_for`, which gives uvicorn a protocol that lets them through.
    """
    kept = Record() if record else None
    routes = [Route("/{path:path}", endpoint=Door(provider, sleep, clock, kept))]
    if kept is not None:
        routes.insert(0, Route(RECEIVED_PATH, endpoint=_received_endpoint(kept), methods=["GET", "DELETE"]))
    app = Starlette(routes=routes)
    app.state.record = kept
    return app


def _received_endpoint(kept: Record) -> Callable[[HttpRequest], Awaitable[Response]]:
    async def received(request: HttpRequest) -> Response:
        if request.method == "DELETE":
            kept.clear()
            return Response(status_code=204)
        return JSONResponse(kept.shown())

    return received


@dataclass(slots=True)
class Door:
    """An ASGI endpoint that notices when the client leaves, and then stops working for it."""

    provider: Provider
    sleep: Sleep
    clock: Clock
    record: Record | None
    counted: int = field(default=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return
        seen = _received(scope, body)
        if self.record is not None:
            self.record.add(seen)
        request = Request(
            method=seen.method,
            path=seen.path,
            body=body,
            authorization=_header(seen, "authorization"),
            content_type=_header(seen, "content-type"),
            api_key=_header(seen, "x-api-key"),
            version=_header(seen, "anthropic-version"),
        )
        self.counted += is_counted(self.provider, request)
        reply = answered(self.provider, request, self.counted, int(self.clock()))
        await self._played_while_client_stays(reply, seen, scope, receive, send)

    async def _played_while_client_stays(
        self, reply: Reply, seen: Received, scope: Scope, receive: Receive, send: Send
    ) -> None:
        work = asyncio.create_task(self._play(reply, seen, scope, send))
        leaving = asyncio.create_task(_until_disconnected(receive))
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            if seen.ending == "open":
                seen.ending = "client_left"
        finally:
            work.cancel()
            leaving.cancel()

    async def _play(self, reply: Reply, seen: Received, scope: Scope, send: Send) -> None:
        match reply:
            case Plain():
                await self._play_plain(reply, seen, scope, send)
            case Streamed():
                await self._play_stream(reply, seen, scope, send)
            case Offence():
                await _commit(reply, seen, scope)

    async def _play_plain(self, reply: Plain, seen: Received, scope: Scope, send: Send) -> None:
        await self._pause(reply.delay)
        length = ("content-length", str(len(reply.body)))
        await send(_start(reply.status, (*reply.headers, length, self._request_id())))
        if reply.cut:
            await send(_piece(reply.body[: len(reply.body) // 2], more=True))
            await _dropped(cut, seen, scope)
        seen.ending = "answered"
        await send(_piece(reply.body, more=False))

    async def _play_stream(self, reply: Streamed, seen: Received, scope: Scope, send: Send) -> None:
        await self._pause(reply.delay)
        await send(_start(200, (*reply.headers, self._request_id())))
        for step in reply.steps:
            await self._pause(step.delay)
            await send(_piece(step.data, more=True))
        if reply.cut:
            await _dropped(cut, seen, scope)
        seen.ending = "answered"
        await send(_piece(b"", more=False))

    async def _pause(self, seconds: float) -> None:
        # A pause of zero is still a turn of the loop: a long stream at full speed must not starve the other providers.
        await self.sleep(seconds)

    def _request_id(self) -> tuple[str, str]:
        return REQUEST_ID_HEADER[self.provider.dialect], request_id(self.provider, self.counted)


async def _commit(offence: Offence, seen: Received, scope: Scope) -> None:
    match offence:
        case Offence.HANG:
            await asyncio.Event().wait()
        case Offence.RESET:
            await _dropped(reset, seen, scope)
        case Offence.GARBAGE:
            await _dropped(talk_garbage, seen, scope)


async def _dropped(drop: Callable[[asyncio.Transport], None], seen: Received, scope: Scope) -> None:
    """Ends the connection, then waits to be cancelled: what follows in the answer must never be sent."""
    seen.ending = "dropped"
    drop(transport_of(scope))
    await asyncio.Event().wait()


async def _body(receive: Receive) -> bytes | None:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _received(scope: Scope, body: bytes) -> Received:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Received(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body)


def _header(seen: Received, wanted: str) -> str:
    return next((value for name, value in seen.headers if name == wanted), "")


def _start(status: int, headers: Headers) -> dict[str, object]:
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": encoded}


def _piece(data: bytes, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
