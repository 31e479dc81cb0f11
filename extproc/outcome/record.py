"""One record of Envoy's access log, free of protobuf. Times are seconds; None where Envoy did not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Record:
    relayed: ClassVar[bool] = False

    kind: Literal["exchange", "attempt"]
    request_id: str  # Envoy's x-request-id: the same for an exchange and its attempts
    final: bool  # False: a periodic record while a stream runs
    status: int  # 0: no answer
    flags: frozenset[str] = frozenset()  # names of ResponseFlags that are set: upstream_connection_failure, …
    details: str = ""
    cluster: str = ""
    remote_address: str = ""  # host:port or a socket's path
    attempt: int = 0  # attempts that Envoy counted; 0 in an attempt's record, which does not know its own number
    route_name: str = ""
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # an attempt's record has none
    started_at: float = 0.0  # seconds since the epoch
    duration: float | None = None
    first_upstream_byte: float | None = None  # since the start
    request_bytes: int = 0  # in an attempt's record Envoy 1.40 swaps these two
    response_bytes: int = 0
    method: str = ""
    path: str = ""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelayedRecord(Record):
    """One that another worker received from Envoy, and counts."""

    relayed: ClassVar[bool] = True
