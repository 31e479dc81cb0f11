"""The class of an upstream's error answer: what failover by class goes by."""

from collections.abc import Mapping

from extproc.dialects.registry import side_of
from extproc.dialects.upstream_error import ErrorClass


def classify_error(dialect: str, model: str, status: int, headers: Mapping[str, str], body: bytes) -> ErrorClass:
    return side_of(dialect, model).read_error(status, headers, body).kind
