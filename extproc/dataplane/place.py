"""Where a rendered Envoy runs: what depends on the machine and the run, and not on the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from extproc.dataplane.references import Reference

STANDARD_OUTPUT = "-"
NO_LOG = "off"
# whole: what Envoy 1.40 can; portable: what older and others' Envoys can too (no plan is walked)
Form = Literal["whole", "portable"]


@dataclass(frozen=True, slots=True)
class ProcessorTls:
    """TLS between Envoy and processors: files that Envoy reads, on its own machine, and reads again when they change.

    What tells it of them is in `dataplane.processor_cluster.tls_files`.
    """

    ca: str
    certificate: str
    key: str
    server_name: str


@dataclass(frozen=True, slots=True)
class Place:
    host: str  # where callers connect
    port: int
    admin: str  # Envoy's admin interface: a Unix socket
    processors: tuple[str, ...]  # for each worker a Unix socket's path, or HOST:PORT
    xds: str  # the directory with lds.json, rds.json, cds.json
    secrets: str  # the directory (0700) with files for each cluster with a credential or certificates
    ca_bundle: str  # the system's CA certificates, see ca.py
    access_log: str = STANDARD_OUTPUT  # or NO_LOG, or a file
    processor_tls: ProcessorTls | None = None
    form: Form = "whole"
    memory: int | None = None  # bytes of the machine or container; None: not known
    descriptors: int | None = None  # files and sockets that Envoy may have open; None: not known
    admin_mode: int | None = None  # of Envoy's admin socket; None: as Envoy's user makes files
    # by cluster: where its credential is on Envoy's machine; without one its contents are in a file of `secrets`
    references: Mapping[str, Reference] = field(default_factory=dict)
    # whether secrets have files of their own, which Envoy follows; else they are named where they are used
    secrets_apart: bool = True

    @property
    def lds(self) -> str:
        return f"{self.xds}/lds.json"

    @property
    def rds(self) -> str:
        return f"{self.xds}/rds.json"

    @property
    def cds(self) -> str:
        return f"{self.xds}/cds.json"

    @property
    def processor_certificate(self) -> str:
        return f"{self.xds}/processor.certificate.json"

    @property
    def processor_ca(self) -> str:
        return f"{self.xds}/processor.ca.json"

    def secret(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.yaml"

    def client_certificate(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.client.json"

    def authorities(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.ca.json"

    @property
    def listener_certificate(self) -> str:
        """What clients are shown; no cluster's file ends so."""
        return f"{self.secrets}/listen.certificate.json"

    @property
    def listener_authorities(self) -> str:
        return f"{self.secrets}/listen.client_ca.json"

    def aws_keys(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.aws"
