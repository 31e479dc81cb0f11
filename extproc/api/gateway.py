"""What `extproc up` answers on its admin port, about Envoy and processors together.

Law: /readyz is 200 once a request would succeed, says nothing of providers, and never waits long.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from extproc.api.processor import METRICS_TYPE, health_response

SILENT = JSONResponse({"error": "the processor does not answer; ask again in a moment"}, status_code=503)


class Gateway(Protocol):
    async def ready(self) -> dict[str, object]: ...

    async def metrics(self) -> str: ...

    async def health(self) -> dict[str, object] | None:
        """As the processor says; None: it does not answer."""
        ...

    async def health_of_providers(self) -> dict[str, object] | None: ...


def gateway_app(gateway: Gateway) -> Starlette:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        body = await gateway.ready()
        return health_response(body)

    async def scrape(_: Request) -> Response:
        return Response(await gateway.metrics(), media_type=METRICS_TYPE)

    async def health(_: Request) -> Response:
        body = await gateway.health()
        return SILENT if body is None else health_response(body)

    async def providers(_: Request) -> Response:
        body = await gateway.health_of_providers()
        return SILENT if body is None else JSONResponse(body)

    async def index(_: Request) -> Response:
        return PlainTextResponse("extproc: /readyz /healthz /health /health/providers /metrics\n")

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/", index),
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/ready", readyz),
        ("/health", health),
        ("/health/providers", providers),
        ("/metrics", scrape),
    ]
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes])
