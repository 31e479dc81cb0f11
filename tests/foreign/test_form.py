"""What the portable form says: nothing that Envoy 1.32 does not know, whatever the configuration asks for."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extproc.app.foreign import CannotRender, envoy_gateway, followed, istio, static
from extproc.config.compile import Compiled
from extproc.config.load import load
from extproc.dataplane.envoy_gateway import EnvoyGateway
from extproc.dataplane.istio import Istio
from extproc.dataplane.place import Place, ProcessorTls

PLACE = Place(
    host="0.0.0.0",
    port=8080,
    admin="/run/extproc/envoy.sock",
    processors=("extproc.gateway.svc:50051",),
    xds="/etc/extproc/envoy",
    secrets="/etc/extproc/envoy",
    ca_bundle="/etc/ssl/certs/ca-certificates.crt",
    processor_tls=ProcessorTls("/tls/ca.crt", "/tls/tls.crt", "/tls/tls.key", "extproc.gateway.svc"),
    form="portable",
)
EVERYTHING = """
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}"}
  anthropic: {dialect: anthropic, credential: {file: /run/secrets/anthropic}}
  token: {dialect: vertex, region: us-east1, project: p, credential: {file: /run/secrets/token, as: bearer}}
  keys:
    dialect: bedrock
    region: us-east-1
    credential: {access_key_id: "${AWS_ACCESS_KEY_ID}", secret_access_key: "${AWS_SECRET_ACCESS_KEY}"}
  profile: {dialect: bedrock, region: us-east-1, credential: {aws: work}}
  chain: {dialect: bedrock, region: us-east-1, credential: {aws: default}}
  pool: {dialect: openai, endpoints: ["http://10.0.0.1:80", "http://10.0.0.2:80"], cost_per_hour: 1, models: [m]}
  own: {dialect: openai, base_url: "https://own.example.com/v1", credential: caller, tls: {ca: /run/ca.pem}}
  signed: {dialect: openai, base_url: "http://10.0.0.3/v1", sign: {hmac: {secret: "${SIGN}"}}, models: [s]}
services:
  shop: {endpoints: ["https://shop.example.com"], tls: {client_certificate: /run/c.pem, client_key: /run/c.key}}
  plain: {endpoints: ["http://plain:8080"], http2: true}
callers: [{name: ci, key: "${CI_KEY}"}, {name: cd, certificate: "*.example.com"}]
listen:
  tls: {certificate: /run/s.pem, key: /run/s.key, client_ca: /run/ca.pem}
  http3: true
  cors: {origins: "https://app.example.com"}
  limits: {connections_per_second: 100, per_address: {requests_per_second: 10}}
routes:
  - {match: {path: /shop/*}, service: shop, when_down: pass, mirror: {service: plain, share: 10%}}
  - {match: {path: /split/*}, service: [{service: shop, weight: 1}, {service: plain, weight: 2}]}
  - {match: {path: /old}, redirect: /new}
  - {match: {path: /hello}, respond: {status: 200, body: hi}}
  - {match: {path: /v1/*}, shadow: pool/m, failover: {first_event: true, fallback_on: [auth]}, usage: exact}
"""
# names of fields and extensions that came after Envoy 1.32
NEWER = frozenset(
    {
        *("status_on_error", "request_body_buffer_limit", "refresh_cluster_on_retry", "remove_on_match"),
        *("header_value_prefix", "match_included_headers", "credential_provider", "auto_host_sni"),
        *("auto_sni_san_validation", "inline_cluster_specifier_plugin", "xds_matcher", "failure_mode_allow"),
        *("cluster_metadata_forwarding_namespaces", "typed_dynamic_metadata", "allowed_override_modes"),
        "max_dynamic_descriptors",
    }
)
KNOWN = frozenset(
    {
        "access_loggers.filters.cel.v3.ExpressionFilter",
        "access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        "access_loggers.stream.v3.StdoutAccessLog",
        "filters.http.cors.v3.Cors",
        "filters.http.header_mutation.v3.HeaderMutationPerRoute",
        "filters.listener.local_ratelimit.v3.LocalRateLimit",
        "transport_sockets.quic.v3.QuicDownstreamTransport",
        "transport_sockets.tls.v3.DownstreamTlsContext",
        "filters.http.cors.v3.CorsPolicy",
        "filters.http.local_ratelimit.v3.LocalRateLimit",
        "http.early_header_mutation.header_mutation.v3.HeaderMutation",
        "filters.http.aws_request_signing.v3.AwsRequestSigning",
        "filters.http.credential_injector.v3.CredentialInjector",
        "filters.http.ext_proc.v3.ExtProcPerRoute",
        "filters.http.ext_proc.v3.ExternalProcessor",
        "filters.http.header_mutation.v3.HeaderMutation",
        "filters.http.lua.v3.Lua",
        "filters.http.lua.v3.LuaPerRoute",
        "filters.http.router.v3.Router",
        "filters.http.upstream_codec.v3.UpstreamCodec",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "http.injected_credentials.generic.v3.Generic",
        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        "retry.host.previous_hosts.v3.PreviousHostsPredicate",
        "transport_sockets.tls.v3.Secret",
        "transport_sockets.tls.v3.UpstreamTlsContext",
        "upstreams.http.v3.HttpProtocolOptions",
    }
)


def compiled(directory: Path, text: str) -> Compiled:
    path = directory / "extproc.yaml"
    path.write_text(text)
    loaded = load(path, {}, elsewhere=True)
    assert loaded.compiled is not None, [str(problem) for problem in loaded.problems]
    return loaded.compiled


def said(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from said(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from said(inner)


def rendered(directory: Path) -> dict[str, Any]:
    found = compiled(directory, EVERYTHING)
    return {
        "static": static(found, PLACE),
        **{name: json.loads(text) for name, text in followed(found, PLACE).items()},
        "istio": istio(found, PLACE, Istio()),
        "envoy-gateway": envoy_gateway(found, PLACE, EnvoyGateway(), "envoy-gateway-system"),
    }


def test_nothing_newer_than_the_oldest_envoy_is_said(tmp_path: Path) -> None:
    for what, document in rendered(tmp_path).items():
        assert [key for key, _ in said(document) if key in NEWER] == [], what


def test_only_extensions_that_it_has_are_named(tmp_path: Path) -> None:
    prefix = "type.googleapis.com/envoy.extensions."
    for what, document in rendered(tmp_path).items():
        types = {str(value) for key, value in said(document) if key == "@type"}
        used = {one.removeprefix(prefix) for one in types if one.startswith(prefix)}
        assert used <= KNOWN, what
        assert not [one for one in types if not one.startswith((prefix, "type.googleapis.com/envoy.config."))], what


def test_the_whole_form_says_what_the_portable_one_must_not(tmp_path: Path) -> None:
    """Else the two tests above would look for nothing."""
    whole = static(compiled(tmp_path, EVERYTHING), replace(PLACE, form="whole"))
    assert NEWER - {key for key, _ in said(whole)} <= {
        "auto_host_sni",
        "auto_sni_san_validation",
        "cluster_metadata_forwarding_namespaces",
        "typed_dynamic_metadata",
        "allowed_override_modes",
    }


def test_a_pool_of_several_names_is_refused(tmp_path: Path) -> None:
    text = "providers: {pool: {dialect: openai, endpoints: ['https://a.example', 'https://b.example'], models: [m]}}"
    with pytest.raises(CannotRender) as refused:
        static(compiled(tmp_path, text), PLACE)
    assert "pool" in str(refused.value) and "tls.server_name" in str(refused.value)


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = (json.dumps(rendered(tmp_path)) for _ in range(2))
    assert first == second
