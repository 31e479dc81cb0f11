"""Snapshots for tests of the data plane, built by hand."""

from extproc.snapshot import (
    Credential,
    Dialect,
    Endpoint,
    Match,
    PathMatch,
    Provider,
    Rewrite,
    Route,
    Service,
    ServiceShare,
    Snapshot,
)

HTTPS = Endpoint("https", "api.example.com", 443)
INJECTED = Credential("injected")


def provider(
    name: str,
    *endpoints: Endpoint,
    dialect: Dialect = "openai",
    credential: Credential = INJECTED,
    http2: bool = False,
) -> Provider:
    return Provider(
        name=name,
        dialect=dialect,
        cluster=f"{name}-0a1b2c3d",
        endpoints=endpoints or (HTTPS,),
        path_prefix="/v1",
        versioned=True,
        models=(),
        lists_models=False,
        credential=credential,
        http2=http2,
    )


def service(name: str, *endpoints: Endpoint) -> Service:
    return Service(name, f"{name}-4d3c2b1a", endpoints or (Endpoint("http", "127.0.0.1", 9),))


def to_service(name: str, path: PathMatch, *, rewrite: Rewrite | None = None, when_down: str = "refuse") -> Route:
    return Route(
        name=f"{path.kind} {path.text}",
        match=Match(path),
        kind="service",
        services=(ServiceShare(name),),
        rewrite=rewrite or Rewrite(),
        when_down="pass" if when_down == "pass" else "refuse",
    )


def llm(name: str = "llm", path: PathMatch | None = None) -> Route:
    return Route(name, Match(path or PathMatch("any")))


def snapshot(*parts: Provider | Service | Route) -> Snapshot:
    return Snapshot(
        id="5a5a5a5a",
        providers={part.name: part for part in parts if isinstance(part, Provider)},
        services={part.name: part for part in parts if isinstance(part, Service)},
        routes=tuple(part for part in parts if isinstance(part, Route)),
        aliases={},
        strategies={},
    )
