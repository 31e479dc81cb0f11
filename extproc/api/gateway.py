"""What `extproc up` answers on its admin port, about Envoy and processors together.

Law: /readyz is 200 once a request would succeed, says nothing of providers, and never waits long.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from extproc.api.processor import METRICS_TYPE


class Gateway(Protocol):
    async def ready(self) -> dict[str, object]: ...

    async def metrics(self) -> str: ...

    async def canaries(self) -> bytes:
        """The processor's own answer; empty: it does not answer."""
        ...


def gateway_app(gateway: Gateway) -> Starlette:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        body = await gateway.ready()
        return JSONResponse(body, status_code=200 if body["status"] == "ready" else 503)

    async def scrape(_: Request) -> Response:
        return Response(await gateway.metrics(), media_type=METRICS_TYPE)

    async def canaries(_: Request) -> Response:
        told = await gateway.canaries()
        return Response(told, media_type="application/json") if told else Response(status_code=503)

    async def index(_: Request) -> Response:
        return PlainTextResponse("extproc: /readyz /healthz /metrics /canaries\n")

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/", index),
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/metrics", scrape),
        ("/canaries", canaries),
    ]
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes])
