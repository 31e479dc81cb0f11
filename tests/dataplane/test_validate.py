"""Every rendering is one that Envoy accepts, without a warning."""

from dataclasses import replace
from pathlib import Path

import pytest

from extproc.snapshot import (
    AddressLimit,
    Cors,
    Credential,
    Endpoint,
    FailoverSpec,
    Limits,
    Listen,
    ListenLimits,
    Match,
    PathMatch,
    Redirect,
    Rewrite,
    Route,
    ServiceShare,
    Snapshot,
    Tls,
)
from tests.dataplane.envoy import complaints
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service

pytestmark = pytest.mark.envoy

UNIX = Endpoint("unix", "/run/demo.sock", 0)
FIRST_EVENT = replace(llm(), failover=FailoverSpec(first_event=True))
FORMS = (
    to_service("billing", PathMatch("exact", "/billing"), rewrite=Rewrite("/v2", "billing.internal")),
    to_service("billing", PathMatch("prefix", "/api"), rewrite=Rewrite("/")),
    to_service("billing", PathMatch("prefix", "/api/"), rewrite=Rewrite(r"/odd\path")),
    to_service("billing", PathMatch("glob", "/billing/*"), rewrite=Rewrite("/v2/$1"), when_down="pass"),
    to_service("billing", PathMatch("glob", "/a/*/b/*.json"), rewrite=Rewrite("/$2/$1")),
    to_service("billing", PathMatch("regex", "/users/([0-9]+)/x"), rewrite=Rewrite("/u/$1")),
    to_service("billing", PathMatch("any")),
)
PICKY = replace(
    llm("picky", PathMatch("glob", "/v1/audio/*/draft")),
    match=Match(
        PathMatch("glob", "/v1/audio/*/draft"),
        hosts=("a.example.com", "*.b.example.com", "[::1]"),
        methods=("GET", "POST"),
        headers={"X-Tier": "gold", "x-any": "*"},
        query={"a": "1", "b": "*"},
    ),
)
SMALL = Limits(body=1 << 20, headers=5_000, header_count=40)
SCRIPTS = Cors(("https://*.example.com", "http://localhost:*"), ("GET", "POST"), credentials=True)
GUARDED = Listen(
    cors=Cors(("*",), ("GET",)),
    limits=ListenLimits(10, 5, 7, AddressLimit(3, 9), 1.5, 2.5, 3.5, 64 << 20),
    trusted_hops=2,
    proxy_protocol=True,
)
OWN_CORS = Route(
    "scripts",
    Match(PathMatch("glob", "/a/*/b"), ("*.example.com",), ("PUT", "GET"), {"x-tier": "gold"}, {"q": "*"}),
    kind="service",
    services=(ServiceShare("billing"),),
    cors=SCRIPTS,
)
ANSWERED = Route(
    "moved", Match(PathMatch("regex", "/m/[0-9]+")), kind="answer", redirect=Redirect(path="/n"), cors=SCRIPTS
)

SNAPSHOTS: dict[str, Snapshot] = {
    "nothing at all": snapshot(),
    "openai over https": snapshot(provider("openai"), llm()),
    "a pool of https names": snapshot(
        provider("pool", Endpoint("https", "a.example", 443), Endpoint("https", "b.example", 8443)), llm()
    ),
    "https to an address": snapshot(provider("ip", Endpoint("https", "10.0.0.1", 443)), llm()),
    "https to an IPv6 address": snapshot(provider("ip6", Endpoint("https", "::1", 443)), llm()),
    "http by name": snapshot(provider("lab", Endpoint("http", "lab.example", 8000)), llm()),
    "h2c": snapshot(provider("vllm", Endpoint("http", "127.0.0.1", 8000), http2=True), llm()),
    "unix sockets": snapshot(provider("demo", UNIX, UNIX), llm()),
    "azure's key": snapshot(
        provider("azure", dialect="azure_openai", credential=Credential("injected", "api-key", "")), llm()
    ),
    "AWS's keys": snapshot(
        replace(provider("aws", dialect="bedrock", credential=Credential("aws_keys")), region="us-east-1"), llm()
    ),
    "AWS's own chain": snapshot(
        replace(provider("aws", dialect="bedrock", credential=Credential("aws_chain")), region="us-east-1"), llm()
    ),
    "the caller's credential": snapshot(provider("byok", credential=Credential("caller")), llm()),
    "no credential": snapshot(provider("ollama", Endpoint("http", "127.0.0.1", 11434), credential=Credential()), llm()),
    "a TLS name of its own": snapshot(replace(provider("lab"), tls=Tls(server_name="lab.internal")), llm()),
    "failover on the first event": snapshot(provider("openai"), provider("demo", UNIX), FIRST_EVENT),
    "failover by class of error": snapshot(
        provider("openai"), replace(llm(), failover=FailoverSpec(fallback_on=frozenset({"auth"})))
    ),
    "services in all forms of paths": snapshot(service("billing"), *FORMS),
    "a service over https": snapshot(
        service("shop", Endpoint("https", "shop.example", 443)), to_service("shop", PathMatch("any"))
    ),
    "a picky route": snapshot(provider("openai"), PICKY),
    "a route by regular expression": snapshot(provider("openai"), llm("re", PathMatch("regex", "/v1/(chat|audio)/.*"))),
    "attended routes": snapshot(provider("openai"), replace(llm(), attend=True), replace(llm("exact"), usage="exact")),
    "a small body": replace(snapshot(provider("openai"), llm()), limits=Limits(body=4096)),
    "a large body": replace(snapshot(provider("openai"), llm()), limits=Limits(body=256 << 20)),
    "all that protects": replace(
        snapshot(provider("openai"), service("billing"), OWN_CORS, ANSWERED, llm()), listen=GUARDED, limits=SMALL
    ),
    "many routes": snapshot(
        provider("openai"),
        service("billing"),
        *(Route(f"r{n}", Match(PathMatch("glob", f"/r{n}/*/v1/*"))) for n in range(200)),
    ),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_envoy_accepts(name: str, tmp_path: Path) -> None:
    """`envoy --mode validate` has nothing against it."""
    assert complaints(SNAPSHOTS[name], tmp_path) == ""


def test_validation_sees_a_mistake(tmp_path: Path) -> None:
    """The check above is one: a route to an expression that RE2 does not know is complained about."""
    broken = snapshot(service("billing"), to_service("billing", PathMatch("regex", "/(?=x)")))
    assert "invalid perl operator" in complaints(broken, tmp_path)
