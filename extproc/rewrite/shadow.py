"""The copy of a request that a shadow gets: who gets one, and what goes along with it.

Law: an attempt at a shadow is told no metadata by Envoy, only the request's headers as the router left them. So all
that it needs stands in one of them, beside the one that names its cluster. No credential is in it, and no real attempt
sends it on. What cannot be copied in full is not copied: a shadow never costs the caller anything.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc import names
from extproc.decision.lookup import entry_of
from extproc.decision.permission import may_use_provider
from extproc.dialects.digests import DRAWS, drawn_by
from extproc.facts.request import Facts
from extproc.protocol.replies import Metadata
from extproc.snapshot import Provider, ShadowSpec, Snapshot, Target

LONGEST: Final = 16_000  # bytes: Envoy takes no longer header of ours
_TOLD: Final = (names.M_ID, names.M_SNAPSHOT, names.M_ENDPOINT, names.M_DIALECT, names.M_STREAM)
_DECODER: Final = msgspec.json.Decoder(tuple[dict[str, Any], dict[str, Any]])
_LINES = tuple[tuple[str, str], ...]


def copy_headers(spec: ShadowSpec | None, metadata: Metadata, facts: Facts, snapshot: Snapshot) -> _LINES:
    """What makes Envoy send a copy; () where none is due. `metadata` is what real attempts are told."""
    if spec is None or not _drawn(spec, str(metadata[names.META][names.M_ID])):
        return ()
    provider = snapshot.providers[spec.target.provider]
    cluster = provider.cluster + names.SHADOW_SUFFIX
    if not _can_have(provider, spec.target, facts) or not facts.envoy_has(cluster):
        return ()
    told = _written(spec.target, metadata)
    if len(told) > LONGEST:
        return ()
    return ((names.CTL_SHADOW, cluster), (names.CTL_SHADOW_CALL, told))


def read_copy(told: str) -> dict[str, Mapping[str, Any]] | None:
    """The same as metadata for the shadow's attempt; None for what we never wrote."""
    try:
        decision, private = _DECODER.decode(base64.urlsafe_b64decode(told))
    except ValueError:
        return None
    return {names.META: decision, names.META_PRIVATE: private}


def _drawn(spec: ShadowSpec, exchange_id: str) -> bool:
    """By the exchange's id, so that it can be told afterwards who had one."""
    return drawn_by(f"shadow {exchange_id}") < spec.share * DRAWS


def _can_have(provider: Provider, target: Target, facts: Facts) -> bool:
    """The caller's own key is for whom the caller asked; what a caller says goes to no provider that it may not use;
    and what a model does not serve is no trial of it."""
    if provider.credential.kind == "caller" or not may_use_provider(facts.caller, provider.name):
        return False
    entry = entry_of(provider, target.model)
    return entry is None or facts.family in entry.endpoints


def _written(target: Target, metadata: Metadata) -> str:
    decision = {name: value for name, value in metadata[names.META].items() if name in _TOLD}
    private = {name: value for name, value in metadata[names.META_PRIVATE].items() if name != names.P_CREDENTIAL}
    told = ({**decision, names.M_TARGETS: [str(target)]}, private)
    return base64.urlsafe_b64encode(msgspec.json.encode(told)).decode()
