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

    async def observations(self) -> bytes | None:
        """JSON; None where no processor answers."""
        ...


def gateway_app(gateway: Gateway) -> Starlette:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        body = await gateway.ready()
        return JSONResponse(body, status_code=200 if body["status"] == "ready" else 503)

    async def scrape(_: Request) -> Response:
        return Response(await gateway.metrics(), media_type=METRICS_TYPE)

    async def seen(_: Request) -> Response:
        document = await gateway.observations()
        if document is None:
            return JSONResponse({"error": "no processor answers"}, status_code=503)
        return Response(document, media_type="application/json")

    async def index(_: Request) -> Response:
        return PlainTextResponse("extproc: /readyz /healthz /metrics /observations\n")

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/", index),
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/metrics", scrape),
        ("/observations", seen),
    ]
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes])
