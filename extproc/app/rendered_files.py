"""A compiled configuration and a place → the files that Envoy there reads, as texts by their paths.

Law: the same input gives the same texts, to the byte. With `by_reference` no text holds a secret: Envoy finds them
itself (`secret_references`). With `contents` the files of secrets hold them, and belong into a directory that only
their owner reads.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from extproc.app.secret_references import references_of
from extproc.config.aws import AwsKeys
from extproc.config.certificates import HeldCertificates
from extproc.config.compile import Compiled
from extproc.config.credentials import Held
from extproc.dataplane.downstream_tls import LISTENER_AUTHORITIES, LISTENER_CERTIFICATE
from extproc.dataplane.feed import discovery
from extproc.dataplane.form import Node
from extproc.dataplane.place import Place
from extproc.dataplane.references import InFile, Variable
from extproc.dataplane.render import Rendered, aws_keys_file, render, sds, sds_reference
from extproc.dataplane.upstream_tls import ca_reference, ca_secret, client_reference, client_secret
from extproc.snapshot import ListenTls, Provider, Service, Tls

Secrets = Literal["by_reference", "contents"]


@dataclass(frozen=True, slots=True)
class Made:
    """What Envoy is given: its resources, and the text of each file with a secret, or with where one is."""

    place: Place
    rendered: Rendered
    secrets: Mapping[str, str]

    @property
    def certificates_of_processors(self) -> Mapping[str, str]:
        """Where those of the way to the processor are; they name files and hold nothing."""
        named = self.rendered.processor_files if self.place.secrets_apart else {}
        return {path: _written(node) for path, node in named.items()}


def made(compiled: Compiled, place: Place, secrets: Secrets = "by_reference") -> Made:
    """Raises CannotRefer where a secret has no place to refer to."""
    if secrets == "contents":
        return Made(place, render(compiled.snapshot, place), _contents(compiled, place))
    referring = replace(place, references=references_of(compiled, place.form))
    return Made(referring, render(compiled.snapshot, referring), _references(compiled, referring))


def files(compiled: Compiled, place: Place, secrets: Secrets = "by_reference") -> Mapping[str, str]:
    """All but the bootstrap, which only says where these are."""
    what = made(compiled, place, secrets)
    version = compiled.snapshot.id
    return {
        **what.secrets,
        **what.certificates_of_processors,
        place.cds: discovery(version, list(what.rendered.clusters)),
        place.rds: discovery(version, list(what.rendered.routes)),
        place.lds: discovery(version, list(what.rendered.listeners)),
    }


def _contents(compiled: Compiled, place: Place) -> dict[str, str]:
    clusters = {name: compiled.snapshot.providers[name].cluster for name in compiled.secrets}
    texts = dict(_contents_of(held, clusters[name], place) for name, held in compiled.secrets.items())
    texts |= {place.secret(proxy): json.dumps(sds(shown.read())) for proxy, shown in compiled.proxies.items()}
    for name, held in compiled.certificates.items():
        texts |= _certificates_of(held, _upstreams(compiled)[name].cluster, place)
    return texts | _listener_contents(compiled.listener, place)


def _contents_of(held: Held, cluster: str, place: Place) -> tuple[str, str]:
    """Where Envoy reads it, and in the form that it reads there."""
    if isinstance(held, AwsKeys):
        text = aws_keys_file(held.access_key_id, held.secret_access_key, held.session_token)
        return place.aws_keys(cluster), text
    return place.secret(cluster), json.dumps(sds(held.read()))


def _certificates_of(held: HeldCertificates, cluster: str, place: Place) -> dict[str, str]:
    texts = {}
    if held.pair is not None:
        texts[place.client_certificate(cluster)] = json.dumps(client_secret(held.pair.certificate, held.pair.key))
    if held.ca is not None:
        texts[place.authorities(cluster)] = json.dumps(ca_secret(held.ca.certificates))
    return texts


def _listener_contents(held: HeldCertificates, place: Place) -> dict[str, str]:
    """The same for TLS to clients."""
    texts = {}
    if held.pair is not None:
        pair = client_secret(held.pair.certificate, held.pair.key, LISTENER_CERTIFICATE)
        texts[place.listener_certificate] = json.dumps(pair)
    if held.ca is not None:
        texts[place.listener_authorities] = json.dumps(ca_secret(held.ca.certificates, LISTENER_AUTHORITIES))
    return texts


def _references(compiled: Compiled, place: Place) -> dict[str, str]:
    if not place.secrets_apart:
        return {}
    texts = {
        place.secret(cluster): _written(sds_reference(reference))
        for cluster, reference in place.references.items()
        if isinstance(reference, InFile) or (isinstance(reference, Variable) and place.form == "whole")
    }
    for upstream in _upstreams(compiled).values():
        texts |= _certificate_references(upstream.cluster, upstream.tls, place)
    return texts | _listener_references(compiled.snapshot.listen.tls, place)


def _listener_references(tls: ListenTls | None, place: Place) -> dict[str, str]:
    if tls is None:
        return {}
    pair = client_reference(tls.certificate, tls.key, LISTENER_CERTIFICATE)
    texts = {place.listener_certificate: _written(pair)}
    if tls.client_ca is not None:
        texts[place.listener_authorities] = _written(ca_reference(tls.client_ca, LISTENER_AUTHORITIES))
    return texts


def _certificate_references(cluster: str, tls: Tls, place: Place) -> dict[str, str]:
    texts = {}
    if tls.client_certificate is not None and tls.client_key is not None:
        pair = client_reference(tls.client_certificate, tls.client_key)
        texts[place.client_certificate(cluster)] = _written(pair)
    if tls.ca is not None:
        texts[place.authorities(cluster)] = _written(ca_reference(tls.ca))
    return texts


def _upstreams(compiled: Compiled) -> Mapping[str, Provider | Service]:
    return {**compiled.snapshot.services, **compiled.snapshot.providers}


def _written(node: Node) -> str:
    return json.dumps(node)
