"""A request as the pure half sees it.

Law: all that an answer may depend on is in here, the time and the request's number included.
"""

from dataclasses import dataclass

from extproc.demo.catalog import Model, Provider


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    authorization: str = ""
    content_type: str = ""
    api_key: str = ""  # x-api-key
    version: str = ""  # anthropic-version


def request_id(provider: Provider, number: int) -> str:
    return f"req_{provider.name}_{number}"


@dataclass(frozen=True, slots=True)
class Order:
    """A request that may be served: the key fits and the model is known."""

    provider: Provider
    model: Model
    body: bytes
    content_type: str
    number: int  # counts the provider's requests, from 1
    now: int  # seconds since 1970

    @property
    def id(self) -> str:
        return f"{self.provider.name}{self.number:06d}"
