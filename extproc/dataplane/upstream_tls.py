"""TLS to an upstream: whom it trusts, which name it checks, what it shows of itself.

Law: a client certificate, its key and a private CA reach Envoy as one file each in the run's private directory, with
their contents in them. Envoy follows those files: a new one is a new secret in one step, in the same cluster. Neither
a cluster nor a log holds more of them than the file's name.
"""

from collections.abc import Sequence

from extproc.dataplane.form import EXTENSIONS, Node, file_source, named
from extproc.dataplane.place import Place
from extproc.dataplane.references import directory
from extproc.snapshot import Endpoint, Tls, is_ip

CLIENT_SECRET = "client"  # in each cluster's own files
CA_SECRET = "ca"
# A pooled connection keeps the certificate, and the endpoint, that it began with. At this age it takes no more
# requests; those that run on it are not cut (measured).
CONNECTION_LIFE = 300.0
_SECRET_TYPE = f"{EXTENSIONS}.transport_sockets.tls.v3.Secret"


def upstream_tls(cluster: str, tls: Tls, endpoints: Sequence[Endpoint], place: Place) -> Node:
    hosts = [tls.server_name] if tls.server_name else list(dict.fromkeys(endpoint.host for endpoint in endpoints))
    common: Node = _trust(cluster, tls, hosts, place)
    common |= _shown(cluster, tls, place)
    context: Node = {"common_tls_context": common}
    if len(hosts) > 1:
        context["auto_host_sni"] = True  # a pool of several names: each endpoint is asked for by its own
    elif not is_ip(hosts[0]):
        context["sni"] = hosts[0]
    return named("envoy.transport_sockets.tls", "transport_sockets.tls.v3.UpstreamTlsContext", **context)


def _shown(cluster: str, tls: Tls, place: Place) -> Node:
    if tls.client_certificate is None or tls.client_key is None:
        return {}
    if not place.secrets_apart:
        return {"tls_certificates": [pair_in_files(tls.client_certificate, tls.client_key)]}
    source = file_source(place.client_certificate(cluster))
    return {"tls_certificate_sds_secret_configs": [{"name": CLIENT_SECRET, "sds_config": source}]}


def _trust(cluster: str, tls: Tls, hosts: Sequence[str], place: Place) -> Node:
    names: Node = {"match_typed_subject_alt_names": [_name(host) for host in hosts]}  # Envoy checks none by itself
    if tls.ca is None or not place.secrets_apart:
        return {"validation_context": {"trusted_ca": {"filename": tls.ca or place.ca_bundle}, **names}}
    source = file_source(place.authorities(cluster))
    return {
        "combined_validation_context": {
            "default_validation_context": names,
            "validation_context_sds_secret_config": {"name": CA_SECRET, "sds_config": source},
        }
    }


def _name(host: str) -> Node:
    return {"san_type": "IP_ADDRESS" if is_ip(host) else "DNS", "matcher": {"exact": host}}


def may_rotate(tls: Tls) -> bool:
    """Whether it has certificates of its own, which change while it is used."""
    return tls.client_certificate is not None or tls.ca is not None


def client_secret(certificate: str, key: str, name: str = CLIENT_SECRET) -> Node:
    """The contents of the file with a certificate and its key. Its directory is the owner's alone."""
    pair = {"certificate_chain": {"inline_string": certificate}, "private_key": {"inline_string": key}}
    return _secret(name, tls_certificate=pair)


def ca_secret(certificates: str, name: str = CA_SECRET) -> Node:
    return _secret(name, validation_context={"trusted_ca": {"inline_string": certificates}})


def client_reference(certificate: str, key: str, name: str = CLIENT_SECRET) -> Node:
    """The same by the names of the files, for an Envoy that reads them itself."""
    pair = {**pair_in_files(certificate, key), "watched_directory": directory(certificate)}
    return _secret(name, tls_certificate=pair)


def ca_reference(certificates: str, name: str = CA_SECRET) -> Node:
    trusted = {"trusted_ca": {"filename": certificates}, "watched_directory": directory(certificates)}
    return _secret(name, validation_context=trusted)


def pair_in_files(certificate: str, key: str) -> Node:
    return {"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}


def _secret(name: str, **what: Node) -> Node:
    return {"resources": [{"@type": _SECRET_TYPE, "name": name, **what}]}
