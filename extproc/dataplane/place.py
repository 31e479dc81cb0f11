"""Where a rendered Envoy runs: what depends on the machine and the run, and not on the configuration."""

from dataclasses import dataclass

STANDARD_OUTPUT = "-"
NO_LOG = "off"


@dataclass(frozen=True, slots=True)
class Place:
    host: str  # where callers connect
    port: int
    admin: str  # Envoy's admin interface: a Unix socket
    processors: tuple[str, ...]  # a Unix socket for each worker
    xds: str  # the directory with lds.json, rds.json, cds.json
    secrets: str  # the directory (0700) with files for each cluster with a credential or certificates
    ca_bundle: str  # the system's CA certificates, see ca.py
    access_log: str = STANDARD_OUTPUT  # or NO_LOG, or a file

    @property
    def lds(self) -> str:
        return f"{self.xds}/lds.json"

    @property
    def rds(self) -> str:
        return f"{self.xds}/rds.json"

    @property
    def cds(self) -> str:
        return f"{self.xds}/cds.json"

    def secret(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.yaml"

    def client_certificate(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.client.json"

    def authorities(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.ca.json"

    def aws_keys(self, cluster: str) -> str:
        return f"{self.secrets}/{cluster}.aws"
