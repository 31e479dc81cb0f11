"""From a compiled configuration to all that is put in force together: bytes for processors, resources for Envoy."""

from dataclasses import dataclass, replace
from pathlib import Path

from extproc.app.keyring import key_file
from extproc.app.rendered_files import made
from extproc.config.compile import Compiled
from extproc.config.transfer import encode_snapshot
from extproc.dataplane.ca import find_ca_bundle, needs_ca_bundle
from extproc.dataplane.place import Place
from extproc.dataplane.run_directory import RunDirectory
from extproc.dataplane.supervise import Configured

DEFAULT_PORT = 8080
LOOPBACK_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Listening:
    host: str
    port: int
    access_log: str  # a file, `-` for standard output, `off` for none
    memory: int | None = None  # of the machine or container
    descriptors: int | None = None  # that Envoy may have open


def configured(
    compiled: Compiled, run: RunDirectory, listening: Listening, *, open_to_strangers: bool, workers: int = 1
) -> Configured:
    """Raises NoCaBundle."""
    place = Place(
        host=listening.host,
        port=listening.port,
        admin=str(run.envoy_admin),
        processors=tuple(str(run.processor(number)) for number in range(workers)),
        xds=str(run.xds),
        secrets=str(run.secrets),
        ca_bundle=find_ca_bundle() if needs_ca_bundle(compiled.snapshot) else "",
        access_log=listening.access_log,
        memory=listening.memory,
        descriptors=listening.descriptors,
    )
    return configured_at(compiled, place, run.keys, open_to_strangers=open_to_strangers)


def configured_at(compiled: Compiled, place: Place, keys: Path | None, *, open_to_strangers: bool) -> Configured:
    """`keys`: where the processor reads its own secrets; None: it has them at hand."""
    snapshot = replace(compiled.snapshot, open=True) if open_to_strangers else compiled.snapshot
    given = made(replace(compiled, snapshot=snapshot), place, "contents")
    return Configured(
        snapshot=snapshot,
        snapshot_bytes=encode_snapshot(snapshot),
        bootstrap=given.rendered.bootstrap,
        listeners=list(given.rendered.listeners),
        clusters=list(given.rendered.clusters),
        routes=list(given.rendered.routes),
        secrets=given.secrets,
        keys={str(keys / key_file(name)): secret.read() for name, secret in compiled.keys.items()} if keys else {},
    )
