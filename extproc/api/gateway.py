"""What `extproc up` answers on its admin port, about Envoy and processors together.

Law: /readyz is 200 once a request would succeed, says nothing of providers, and never waits long. Of Envoy's admin
interface only its statistics come out here: the rest of it can stop Envoy and read its secrets.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from extproc.api.processor import HEALTH, METRICS_TYPE, PAGES, health_response

SILENT = JSONResponse({"error": "the processor does not answer; ask again in a moment"}, status_code=503)
NO_STATISTICS = JSONResponse({"error": "Envoy does not answer; ask again in a moment"}, status_code=503)


class Gateway(Protocol):
    async def ready(self) -> dict[str, object]: ...

    async def metrics(self) -> str: ...

    async def page(self, path: str) -> dict[str, object] | None:
        """One of the processor's own pages; None: it does not answer."""
        ...


class Statistics(Protocol):
    """Envoy's own, as Prometheus reads them."""

    def __call__(self, *, used_only: bool) -> AsyncIterator[bytes]: ...


def gateway_app(gateway: Gateway, statistics: Statistics | None = None) -> Starlette:
    """`statistics`: where Envoy is ours too."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        body = await gateway.ready()
        return JSONResponse(body, status_code=200 if body["status"] == "ready" else 503)

    async def scrape(_: Request) -> Response:
        return Response(await gateway.metrics(), media_type=METRICS_TYPE)

    async def scrape_envoy(request: Request) -> Response:
        assert statistics is not None
        pieces = statistics(used_only="usedonly" in request.query_params)
        try:
            first = await anext(pieces, b"")
        except httpx.HTTPError:
            return NO_STATISTICS
        return StreamingResponse(_joined(first, pieces), media_type=METRICS_TYPE)

    async def health(_: Request) -> Response:
        body = await gateway.page(HEALTH)
        return SILENT if body is None else health_response(body)

    async def page(request: Request) -> Response:
        body = await gateway.page(request.url.path)
        return SILENT if body is None else JSONResponse(body)

    async def index(_: Request) -> Response:
        return PlainTextResponse(f"extproc: {' '.join(path for path in routes if path != '/')}\n")

    routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/": index,
        "/healthz": healthz,
        "/readyz": readyz,
        "/ready": readyz,
        HEALTH: health,
        "/metrics": scrape,
        **({"/metrics/envoy": scrape_envoy} if statistics is not None else {}),
        **dict.fromkeys(PAGES, page),
    }
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes.items()])


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
