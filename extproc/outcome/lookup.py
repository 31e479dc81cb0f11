"""What the snapshot says of a target whose snapshot may be gone: its price, its cluster."""

from extproc.decision import lookup
from extproc.money import Price
from extproc.snapshot import Snapshot, Target


def price_of(snapshot: Snapshot | None, target: Target) -> Price | None:
    provider = snapshot.providers.get(target.provider) if snapshot is not None else None
    return lookup.price_of(provider, target.model) if provider is not None else None


def cluster_of(snapshot: Snapshot | None, target: Target) -> str | None:
    provider = snapshot.providers.get(target.provider) if snapshot is not None else None
    return provider.cluster if provider is not None else None
