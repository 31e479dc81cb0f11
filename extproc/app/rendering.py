"""From a compiled configuration to all that is put in force together: bytes for processors, resources for Envoy."""

import json
from dataclasses import dataclass, replace

from extproc.app.keyring import key_file
from extproc.config.aws import AwsKeys
from extproc.config.certificates import UpstreamCertificates
from extproc.config.compile import Compiled
from extproc.config.credentials import Held
from extproc.config.transfer import encode_snapshot
from extproc.dataplane.ca import find_ca_bundle
from extproc.dataplane.place import Place
from extproc.dataplane.render import aws_keys_file, render, sds
from extproc.dataplane.run_directory import RunDirectory
from extproc.dataplane.supervise import Configured
from extproc.dataplane.upstream_tls import ca_secret, client_secret
from extproc.snapshot import Provider, Service


@dataclass(frozen=True, slots=True)
class Listening:
    host: str
    port: int
    access_log: str  # a file, `-` for standard output, `off` for none


def configured(
    compiled: Compiled, run: RunDirectory, listening: Listening, *, open_to_strangers: bool, workers: int = 1
) -> Configured:
    snapshot = replace(compiled.snapshot, open=True) if open_to_strangers else compiled.snapshot
    place = Place(
        host=listening.host,
        port=listening.port,
        admin=str(run.envoy_admin),
        processors=tuple(str(run.processor(number)) for number in range(workers)),
        xds=str(run.xds),
        secrets=str(run.secrets),
        ca_bundle=find_ca_bundle(),
        access_log=listening.access_log,
    )
    rendered = render(snapshot, place)
    clusters = {name: snapshot.providers[name].cluster for name in compiled.secrets}
    return Configured(
        snapshot=snapshot,
        snapshot_bytes=encode_snapshot(snapshot),
        bootstrap=rendered.bootstrap,
        listeners=list(rendered.listeners),
        clusters=list(rendered.clusters),
        routes=list(rendered.routes),
        secrets={
            **dict(_file_of(held, clusters[name], place) for name, held in compiled.secrets.items()),
            **_certificate_files(compiled, place),
        },
        keys={str(run.keys / key_file(name)): secret.read() for name, secret in compiled.keys.items()},
    )


def _file_of(held: Held, cluster: str, place: Place) -> tuple[str, str]:
    """Where Envoy reads it, and in the form that it reads there."""
    if isinstance(held, AwsKeys):
        text = aws_keys_file(held.access_key_id, held.secret_access_key, held.session_token)
        return place.aws_keys(cluster), text
    return place.secret(cluster), json.dumps(sds(held.read()))


def _certificate_files(compiled: Compiled, place: Place) -> dict[str, str]:
    """What Envoy shows and trusts in TLS to upstreams: a file for each, contents included."""
    upstreams: dict[str, Provider | Service] = {**compiled.snapshot.services, **compiled.snapshot.providers}
    files: dict[str, str] = {}
    for name, held in compiled.certificates.items():
        files |= _certificates_of(held, upstreams[name].cluster, place)
    return files


def _certificates_of(held: UpstreamCertificates, cluster: str, place: Place) -> dict[str, str]:
    files = {}
    if held.pair is not None:
        files[place.client_certificate(cluster)] = json.dumps(client_secret(held.pair.certificate, held.pair.key))
    if held.ca is not None:
        files[place.authorities(cluster)] = json.dumps(ca_secret(held.ca.certificates))
    return files
