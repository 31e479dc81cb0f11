"""Secrets by reference: where Envoy finds on its own machine what a rendered configuration must not hold.

Law: what is made here names variables and files, never what they hold. A file is followed by its directory, which is
how a mounted secret changes: Envoy takes the new contents in one step.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, slots=True)
class Variable:
    """Of the environment that Envoy is started with; a new value needs a new Envoy."""

    name: str


@dataclass(frozen=True, slots=True)
class InFile:
    path: str


@dataclass(frozen=True, slots=True)
class AwsVariables:
    """AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: Envoy looks for no others."""


@dataclass(frozen=True, slots=True)
class AwsProfile:
    file: str
    name: str


Reference = Variable | InFile | AwsVariables | AwsProfile


def source(reference: Variable | InFile) -> dict[str, Any]:
    """Envoy's data source."""
    if isinstance(reference, Variable):
        return {"environment_variable": reference.name}
    return followed(reference.path)


def followed(path: str) -> dict[str, Any]:
    return {"filename": path, "watched_directory": directory(path)}


def directory(path: str) -> dict[str, Any]:
    return {"path": str(PurePosixPath(path).parent)}
