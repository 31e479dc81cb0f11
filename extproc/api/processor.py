"""What one processor answers about itself: alive, ready, metrics, and its pages of what it saw and thinks.

And swaps, on a private socket only.
"""

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extproc.rewrite.health import health_status

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HEALTH = "/health"
PAGES = ("/health/providers", "/canaries", "/observations")  # each a JSON object, as it is at this moment

Page = Callable[[], Mapping[str, object]]


def health_response(body: Mapping[str, object]) -> Response:
    return JSONResponse(body, status_code=health_status(body))


def processor_app(
    *,
    ready: Callable[[], dict[str, object]],
    metrics: Callable[[], bytes],
    health: Page,
    pages: Mapping[str, Page],
    swap: Callable[[bytes], str] | None = None,
    rejected: Callable[[], None] | None = None,
) -> Starlette:
    """`ready()` is the body of /readyz and `health()` of /health: their `status` decides between 200 and 503. `pages`
    has one for each of PAGES.

    `swap` and `rejected` are given only where nobody but the supervisor can call: on a private socket.
    """

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        body = ready()
        return JSONResponse(body, status_code=200 if body["status"] == "ready" else 503)

    async def healthy(_: Request) -> Response:
        return health_response(health())

    async def page(request: Request) -> Response:
        return JSONResponse(pages[request.url.path]())

    async def scrape(_: Request) -> Response:
        return Response(metrics(), media_type=METRICS_TYPE)

    async def take(request: Request) -> Response:
        assert swap is not None
        try:
            return JSONResponse({"snapshot": swap(await request.body())})
        except ValueError as error:
            return JSONResponse({"error": str(error)[:200]}, status_code=400)

    async def refused(_: Request) -> Response:
        assert rejected is not None
        rejected()
        return Response(status_code=204)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/ready", readyz), Route("/metrics", scrape)]
    routes += [Route(HEALTH, healthy), *(Route(path, page) for path in PAGES)]
    if swap is not None:
        routes.append(Route("/control/snapshot", take, methods=["POST"]))
    if rejected is not None:
        routes.append(Route("/control/rejected", refused, methods=["POST"]))
    return Starlette(routes=routes)
