"""From a compiled configuration to all that is put in force together: bytes for processors, resources for Envoy."""

from dataclasses import dataclass, replace

from extproc.config.compile import Compiled
from extproc.config.transfer import encode_snapshot
from extproc.dataplane.ca import find_ca_bundle
from extproc.dataplane.place import Place
from extproc.dataplane.render import render, sds
from extproc.dataplane.run_directory import RunDirectory
from extproc.dataplane.supervise import Configured


@dataclass(frozen=True, slots=True)
class Listening:
    host: str
    port: int
    access_log: str  # a file, `-` for standard output, `off` for none


def configured(compiled: Compiled, run: RunDirectory, listening: Listening, *, open_to_strangers: bool) -> Configured:
    snapshot = replace(compiled.snapshot, open=True) if open_to_strangers else compiled.snapshot
    place = Place(
        host=listening.host,
        port=listening.port,
        admin=str(run.envoy_admin),
        processors=(str(run.processor(0)),),
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
        secrets={clusters[name]: sds(secret.read()) for name, secret in compiled.secrets.items()},
    )
