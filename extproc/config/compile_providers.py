"""Providers and services of the schema → of the snapshot.

Law: a vendor's `base_url` is what that vendor's SDK is given. Only openai and openrouter hold the version in it; a Unix
socket has no path, so there the caller's whole path is appended.
"""

import re
from typing import Final

from extproc.config.addresses import Address, NotAnAddress, parse_address, parse_origin
from extproc.config.credentials import Secret, credential_of
from extproc.config.identity import cluster_name
from extproc.config.later import LATER_DIALECTS
from extproc.config.models import model_keys, served
from extproc.config.problems import PathParts, nearest
from extproc.config.report import Report
from extproc.config.schema_upstreams import ProviderKeys, ServiceKeys
from extproc.dialects.endpoints import families
from extproc.money import nanos
from extproc.snapshot import BreakerSpec, Endpoint, Provider, Service, Tls

VENDOR_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "mistral": "https://api.mistral.ai",
    "ollama": "http://127.0.0.1:11434",
}
_VERSIONED: Final = frozenset({"openai", "openrouter"})
_NAME: Final = re.compile(r"^[A-Za-z0-9_.-]+$")
_HEADER: Final = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_NOT_OURS_TO_SEND: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "upgrade"})
_CREDENTIAL_HEADERS: Final = frozenset({"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"})


def check_name(name: str, path: PathParts, report: Report) -> None:
    if not _NAME.match(name):
        report.add(path, "the name may hold only letters, digits and `_`, `.`, `-`")


def compile_provider(name: str, keys: ProviderKeys, report: Report) -> tuple[Provider | None, Secret | None]:
    path: PathParts = ("providers", name)
    check_name(name, path, report)
    if keys.dialect in LATER_DIALECTS:
        message = f"`{keys.dialect}` is known, and its dialect has not landed in this version"
        report.add((*path, "dialect"), message, "landed: openai, azure_openai, openrouter, mistral, ollama")
        return None, None
    credential, secret = credential_of(keys, path, report)
    _check_headers(keys.headers, (*path, "headers"), report)
    _check_models(keys, path, report)
    _check_times(keys, path, report)
    if keys.api_version is not None and keys.dialect != "azure_openai":
        report.add((*path, "api_version"), "goes only with the dialect azure_openai")
    addresses = _addresses(keys, path, report)
    if not addresses:
        return None, secret
    endpoints = tuple(address.endpoint for address in addresses)
    tls = _tls(keys, endpoints, path, report)
    models, lists_models = served(keys, own_host=_is_vendors_own(keys.dialect, endpoints))
    provider = Provider(
        name=name,
        dialect=keys.dialect,
        cluster=cluster_name(
            name, endpoints, tls, keys.http2, keys.connect_timeout, (keys.dialect, credential, keys.timeout)
        ),
        endpoints=endpoints,
        path_prefix=addresses[0].path,
        versioned=_is_versioned(keys, addresses[0]),
        models=models,
        lists_models=lists_models,
        default_model=keys.default_model,
        credential=credential,
        headers=dict(keys.headers),
        api_version=keys.api_version,
        timeout=keys.timeout,
        connect_timeout=keys.connect_timeout,
        http2=keys.http2,
        tls=tls,
        breaker=BreakerSpec(**keys.circuit_breaker.model_dump()),
        cost_per_hour=None if keys.cost_per_hour is None else nanos(keys.cost_per_hour),
        capabilities=frozenset(keys.capabilities),
        region=keys.region,
    )
    return provider, secret


def compile_service(name: str, keys: ServiceKeys, report: Report) -> Service | None:
    path: PathParts = ("services", name)
    check_name(name, path, report)
    _check_positive(keys.connect_timeout, (*path, "connect_timeout"), report)
    endpoints = _origins(keys.endpoints, path, report)
    if not endpoints:
        return None
    tls = _tls(keys, endpoints, path, report)
    cluster = cluster_name(name, endpoints, tls, keys.http2, keys.connect_timeout)
    return Service(name, cluster, endpoints, keys.http2, tls, keys.connect_timeout)


def _addresses(keys: ProviderKeys, path: PathParts, report: Report) -> tuple[Address, ...]:
    if keys.endpoints is not None:
        if keys.base_url is not None:
            report.add((*path, "endpoints"), "stands beside `base_url`", "keep one of them")
            return ()
        return tuple(Address(endpoint, "") for endpoint in _origins(keys.endpoints, path, report))
    url = keys.base_url if keys.base_url is not None else VENDOR_URLS.get(keys.dialect)
    if url is None:
        report.add(
            (*path, "base_url"),
            "is missing",
            f"{keys.dialect} has no address of its own: https://NAME.openai.azure.com",
        )
        return ()
    try:
        return (parse_address(url),)
    except NotAnAddress as error:
        report.add((*path, "base_url"), str(error))
        return ()


def _origins(written: list[str], path: PathParts, report: Report) -> tuple[Endpoint, ...]:
    found: list[Endpoint] = []
    for place, text in enumerate(written):
        here = (*path, "endpoints", place)
        try:
            endpoint = parse_origin(text)
        except NotAnAddress as error:
            report.add(here, str(error))
            continue
        if endpoint in found:
            report.add(here, "stands twice in the pool")
        elif found and endpoint.scheme != found[0].scheme:
            report.add(here, f"must begin with {found[0].scheme}:// like the others of its pool")
        else:
            found.append(endpoint)
    return tuple(found)


def _is_versioned(keys: ProviderKeys, address: Address) -> bool:
    if keys.endpoints is not None or address.endpoint.scheme == "unix":
        return False
    if keys.dialect == "azure_openai":
        return address.path.endswith("/openai/v1")
    # Ollama's and Mistral's own SDKs take the origin, OpenAI's is given /v1 for both: it is never meant twice.
    return keys.dialect in _VERSIONED or address.path.endswith("/v1")


def _is_vendors_own(dialect: str, endpoints: tuple[Endpoint, ...]) -> bool:
    if dialect == "azure_openai":
        return True
    url = VENDOR_URLS.get(dialect)
    return url is not None and all(endpoint == parse_address(url).endpoint for endpoint in endpoints)


def _tls(keys: ProviderKeys | ServiceKeys, endpoints: tuple[Endpoint, ...], path: PathParts, report: Report) -> Tls:
    secure = endpoints[0].scheme == "https"
    if keys.http2 and secure:
        report.add(
            (*path, "http2"), "goes only with http:// addresses", "https:// speaks HTTP/2 when the other side does"
        )
    if keys.ca is None:
        return Tls()
    here = (*path, "ca")
    if not secure:
        report.add(here, "goes only with https:// addresses")
        return Tls()
    data = report.read(here, keys.ca, "the file of CA certificates")
    if data is not None and b"-----BEGIN" not in data:
        report.add(here, "the file holds no PEM certificates")
    return Tls(ca=report.location(here, keys.ca))


def _check_headers(headers: dict[str, str], path: PathParts, report: Report) -> None:
    for name, value in headers.items():
        lower = name.lower()
        if not _HEADER.match(name) or lower in _NOT_OURS_TO_SEND or lower.startswith(("x-extproc-", "x-envoy-")):
            report.add((*path, name), "cannot be set as a header")
        elif lower in _CREDENTIAL_HEADERS:
            report.add(
                (*path, name), "carries a credential", "write it as `credential`, which no log and no page shows"
            )
        elif any(ord(character) < 32 or ord(character) == 127 for character in value):
            report.add((*path, name), "holds a line break or another control character")


def _check_models(keys: ProviderKeys, path: PathParts, report: Report) -> None:
    known = families()
    seen: set[str] = set()
    for place, model in enumerate(model_keys(keys)):
        listed = isinstance(keys.models, list)
        here: PathParts = (*path, "models", place if listed else model.name)
        if not model.name:
            report.add(here, "the name is empty")
        if model.name in seen:
            report.add(here, f"the model {model.name} stands twice", "keep one")
        seen.add(model.name)
        for index, family in enumerate(model.endpoints or ()):
            if family not in known:
                message = f"must be one of {', '.join(sorted(known))}"
                report.add((*here, "endpoints", index), message, nearest(family, known))
    if keys.models is not None and not keys.models:
        report.add((*path, "models"), "must not be empty", "leave it out to serve any name")


def _check_times(keys: ProviderKeys, path: PathParts, report: Report) -> None:
    _check_positive(keys.connect_timeout, (*path, "connect_timeout"), report)
    _check_positive(keys.timeout, (*path, "timeout"), report)
    _check_positive(keys.circuit_breaker.timeout, (*path, "circuit_breaker", "timeout"), report)


def _check_positive(value: float | None, path: PathParts, report: Report) -> None:
    if value is not None and value <= 0:
        report.add(path, "must be longer than nothing")
