"""Where vendors answer, and what of `region` and `project` each dialect needs.

Law: a place is never guessed: what is missing is an error that says what to write.
"""

import re
from typing import Final

from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema_upstreams import ProviderKeys
from extproc.snapshot import Credential

VENDOR_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "cohere": "https://api.cohere.com",
    "mistral": "https://api.mistral.ai",
    "ollama": "http://127.0.0.1:11434",
}
OF_A_REGION: Final = frozenset({"bedrock", "vertex"})
_REGION: Final = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
_PROJECT: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,127}$")
# Vertex AI's places that are no single region
_VERTEX_HOSTS: Final = {
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}


def vendor_url(dialect: str, region: str | None) -> str | None:
    """The vendor's own address; None where there is none, or where no region is said that could be one."""
    if dialect not in OF_A_REGION:
        return VENDOR_URLS.get(dialect)
    if region is None or not _REGION.match(region):
        return None
    if dialect == "bedrock":
        return f"https://bedrock-runtime.{region}.amazonaws.com"
    return f"https://{_VERTEX_HOSTS.get(region, f'{region}-aiplatform.googleapis.com')}"


def check_place(keys: ProviderKeys, credential: Credential, path: PathParts, report: Report) -> None:
    """Region and project are what the dialect needs."""
    if keys.dialect == "vertex":
        _vertex(keys, path, report)
    elif keys.project is not None:
        report.add((*path, "project"), "goes only with the dialect vertex")
    if keys.dialect == "bedrock" and keys.region is None:
        _bedrock(keys, credential, path, report)
    if keys.dialect in OF_A_REGION and keys.region is not None and not _REGION.match(keys.region):
        report.add((*path, "region"), "cannot be a region", "write it like us-east-1")


def _vertex(keys: ProviderKeys, path: PathParts, report: Report) -> None:
    if keys.region is None:
        hint = "vertex answers where you say: region: global, or region: us-central1"
        report.add((*path, "region"), "is missing", hint)
    if keys.project is None:
        report.add((*path, "project"), "is missing", "vertex needs the Google Cloud project: project: my-project")
    elif not _PROJECT.match(keys.project):
        report.add((*path, "project"), "cannot be the id of a Google Cloud project")


def _bedrock(keys: ProviderKeys, credential: Credential, path: PathParts, report: Report) -> None:
    if credential.kind.startswith("aws_"):
        report.add((*path, "region"), "is missing", "requests are signed for one region: region: us-east-1")
    elif keys.base_url is None and keys.endpoints is None:
        hint = "bedrock answers at https://bedrock-runtime.REGION.amazonaws.com: region: us-east-1"
        report.add((*path, "region"), "is missing", hint)
