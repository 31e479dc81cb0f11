"""Addresses of providers and services: what was written, or the vendor's own.

Law: a vendor's `base_url` is what that vendor's SDK is given. Only openai and openrouter hold the version in it; where
another holds one too, it is not meant twice. A Unix socket has no path, so there the caller's whole path is appended.
"""

import re
from dataclasses import replace
from typing import Final

from extproc.config.addresses import Address, NotAnAddress, parse_address, parse_origin
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema_upstreams import ProviderKeys
from extproc.config.vendors import OF_A_REGION, vendor_url
from extproc.snapshot import OPENAI_SHAPED, Endpoint

_VERSIONED: Final = frozenset({"openai", "openrouter"})
_VERSION_AT_THE_END: Final = re.compile(r"/v\d+(alpha|beta)?\d*$")


def compile_addresses(keys: ProviderKeys, path: PathParts, report: Report) -> tuple[Address, ...]:
    if keys.endpoints is not None:
        if keys.base_url is not None:
            report.add((*path, "endpoints"), "stands beside `base_url`", "keep one of them")
            return ()
        return tuple(Address(endpoint, "") for endpoint in compile_origins(keys.endpoints, path, report))
    url = keys.base_url if keys.base_url is not None else vendor_url(keys.dialect, keys.region)
    if url is None:
        if keys.dialect not in OF_A_REGION:  # else what is wrong with the region has been said
            hint = f"{keys.dialect} has no address of its own: https://NAME.openai.azure.com"
            report.add((*path, "base_url"), "is missing", hint)
        return ()
    try:
        address = parse_address(url)
    except NotAnAddress as error:
        report.add((*path, "base_url"), str(error))
        return ()
    return (address if keys.dialect in OPENAI_SHAPED else _unversioned(address),)


def compile_origins(written: list[str], path: PathParts, report: Report) -> tuple[Endpoint, ...]:
    found: list[Endpoint] = []
    for place, text in enumerate(written):
        here = (*path, "endpoints", place)
        try:
            endpoint = parse_origin(text)
        except NotAnAddress as error:
            report.add(here, str(error))
            continue
        if endpoint in found:
            report.add(here, "stands twice in the pool")
        elif found and endpoint.scheme != found[0].scheme:
            report.add(here, f"must begin with {found[0].scheme}:// like the others of its pool")
        else:
            found.append(endpoint)
    return tuple(found)


def _unversioned(address: Address) -> Address:
    """These dialects append their whole path, the version with it."""
    return replace(address, path=_VERSION_AT_THE_END.sub("", address.path))


def is_versioned(keys: ProviderKeys, address: Address) -> bool:
    if keys.endpoints is not None or address.endpoint.scheme == "unix":
        return False
    if keys.dialect == "azure_openai":
        return address.path.endswith("/openai/v1")
    # Ollama's and Mistral's own SDKs take the origin, OpenAI's is given /v1 for both: it is never meant twice.
    return keys.dialect in _VERSIONED or (keys.dialect in OPENAI_SHAPED and address.path.endswith("/v1"))


def is_vendors_own(keys: ProviderKeys, endpoints: tuple[Endpoint, ...]) -> bool:
    if keys.dialect == "azure_openai":
        return True
    url = vendor_url(keys.dialect, keys.region)
    return url is not None and all(endpoint == parse_address(url).endpoint for endpoint in endpoints)
