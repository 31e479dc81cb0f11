"""Providers and services of the schema → of the snapshot.

Law: an upstream with a mistake is left out whole. What it needs is checked here, together with what stands beside it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from extproc.config.compile_addresses import (
    compile_addresses,
    compile_origins,
    is_vendors_own,
    is_versioned,
)
from extproc.config.compile_clusters import check_positive, cluster_of, health_of, signature_of
from extproc.config.compile_egress import Egress
from extproc.config.compile_tls import compile_tls
from extproc.config.credentials import Held, Secret, credential_of
from extproc.config.forms import HTTP_TOKEN
from extproc.config.identity import cluster_name
from extproc.config.models import model_keys, served
from extproc.config.problems import PathParts, nearest
from extproc.config.report import Report
from extproc.config.retired import retired_models
from extproc.config.schema_upstreams import BreakerKeys, ProviderKeys, ServiceKeys
from extproc.config.vendors import check_place
from extproc.dialects.endpoints import families
from extproc.names import KEY_CREDENTIAL, KEY_SIGN
from extproc.snapshot import BreakerSpec, Credential, Endpoint, Provider, Service

_NAME: Final = re.compile(r"^[A-Za-z0-9_.-]+$")
_NOT_OURS_TO_SEND: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "upgrade"})
_CREDENTIAL_HEADERS: Final = frozenset(
    {"authorization", "api-key", "x-api-key", "x-goog-api-key", "x-amz-security-token", "cookie", "proxy-authorization"}
)
_ANSWER_WITHOUT_A_KEY: Final = frozenset({"ollama", "azure_openai"})  # a local one, and one whose address is anyone's
_AWS_FORMS: Final = (
    "write {aws: default}, {aws: PROFILE}, {access_key_id: …, secret_access_key: …}, or a Bedrock API key as text"
)


@dataclass(frozen=True, slots=True)
class CompiledProvider:
    provider: Provider | None
    secret: Held | None = None  # what it is shown
    keys: Mapping[str, Secret] = field(default_factory=dict)  # what the processor itself uses for it


def check_name(name: str, path: PathParts, report: Report) -> None:
    if not _NAME.match(name):
        report.add(path, "the name may hold only letters, digits and `_`, `.`, `-`")


def compile_provider(name: str, keys: ProviderKeys, egress: Egress, report: Report) -> CompiledProvider:
    path: PathParts = ("providers", name)
    check_name(name, path, report)
    credential, secret = credential_of(keys, path, report)
    health = health_of(keys, path, report)
    sign, sign_key = signature_of(keys.sign, path, report)
    by_the_hour = cluster_of(keys, path, report)
    _check_headers(keys.headers, (*path, "headers"), report)
    _check_models(keys, path, report)
    _check_times(keys, path, report)
    if keys.api_version is not None and keys.dialect != "azure_openai":
        report.add((*path, "api_version"), "goes only with the dialect azure_openai")
    check_place(keys, credential, path, report)
    addresses = compile_addresses(keys, path, report)
    if not addresses:
        return CompiledProvider(None)
    endpoints = tuple(address.endpoint for address in addresses)
    tls = compile_tls(keys, endpoints[0].scheme == "https", path, report)
    proxy = egress.proxy_of(keys.proxy, endpoints, path, report)
    vendors = is_vendors_own(keys, endpoints)
    _note_a_missing_credential(keys, credential, endpoints[0] if vendors else None, path, report)
    models, lists_models = served(keys, vendors)
    provider = Provider(
        name=name,
        dialect=keys.dialect,
        cluster=cluster_name(
            name,
            endpoints,
            tls,
            keys.http2,
            keys.connect_timeout,
            (keys.dialect, credential, keys.timeout, keys.region),
            health,
            proxy,
        ),
        endpoints=endpoints,
        path_prefix=addresses[0].path,
        versioned=is_versioned(keys, addresses[0]),
        models=models,
        lists_models=lists_models,
        default_model=keys.default_model,
        credential=credential,
        headers=dict(keys.headers),
        api_version=keys.api_version,
        timeout=keys.timeout,
        connect_timeout=keys.connect_timeout,
        proxy=proxy,
        http2=keys.http2,
        tls=tls,
        breaker=_breaker(keys.circuit_breaker),
        by_the_hour=by_the_hour,
        health=health,
        sign=sign,
        capabilities=frozenset(keys.capabilities),
        region=keys.region,
        project=keys.project,
        retired=retired_models(keys.dialect),
    )
    own = {} if sign_key is None else {KEY_SIGN + provider.cluster: sign_key}
    if health is not None and isinstance(secret, Secret):
        own[KEY_CREDENTIAL + provider.cluster] = secret
    return CompiledProvider(provider, secret, own)


def _breaker(keys: BreakerKeys) -> BreakerSpec:
    return BreakerSpec(int(keys.failure_threshold), keys.timeout, int(keys.half_open_requests))


def compile_service(name: str, keys: ServiceKeys, egress: Egress, report: Report) -> Service | None:
    path: PathParts = ("services", name)
    check_name(name, path, report)
    check_positive(keys.connect_timeout, (*path, "connect_timeout"), report)
    endpoints = compile_origins(keys.endpoints, path, report)
    if not endpoints:
        return None
    tls = compile_tls(keys, endpoints[0].scheme == "https", path, report)
    proxy = egress.proxy_of(keys.proxy, endpoints, path, report)
    cluster = cluster_name(name, endpoints, tls, keys.http2, keys.connect_timeout, proxy=proxy)
    return Service(name, cluster, endpoints, keys.http2, tls, keys.connect_timeout, proxy)


def _note_a_missing_credential(
    keys: ProviderKeys, credential: Credential, vendors: Endpoint | None, path: PathParts, report: Report
) -> None:
    if vendors is None or credential.kind != "none" or keys.dialect in _ANSWER_WITHOUT_A_KEY:
        return
    hint = _AWS_FORMS if keys.dialect == "bedrock" else "write its `credential`"
    report.note(path, f"no credential is sent, and {vendors.host} answers nobody without one", hint)


def _check_headers(headers: dict[str, str], path: PathParts, report: Report) -> None:
    for name, value in headers.items():
        lower = name.lower()
        if not HTTP_TOKEN.match(name) or lower in _NOT_OURS_TO_SEND or lower.startswith(("x-extproc-", "x-envoy-")):
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
    check_positive(keys.connect_timeout, (*path, "connect_timeout"), report)
    check_positive(keys.timeout, (*path, "timeout"), report)
    check_positive(keys.circuit_breaker.timeout, (*path, "circuit_breaker", "timeout"), report)
