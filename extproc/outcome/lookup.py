"""What the snapshot says of a target: its entry in the list of its provider, its price, its cluster."""

from functools import lru_cache
from re import DOTALL, Pattern, compile, escape

from extproc.money import Price
from extproc.snapshot import Model, Snapshot, Target


def listed(snapshot: Snapshot, target: Target) -> Model | None:
    """The entry under which the target's provider lists its model, an exact name before a glob."""
    provider = snapshot.providers.get(target.provider)
    if provider is None:
        return None
    globs = []
    for model in provider.models:
        if model.name == target.model:
            return model
        if "*" in model.name:
            globs.append(model)
    return next((model for model in globs if _glob(model.name).fullmatch(target.model)), None)


def price_of(snapshot: Snapshot | None, target: Target) -> Price | None:
    model = listed(snapshot, target) if snapshot is not None else None
    return model.price if model is not None else None


def cluster_of(snapshot: Snapshot | None, target: Target) -> str | None:
    provider = snapshot.providers.get(target.provider) if snapshot is not None else None
    return provider.cluster if provider is not None else None


@lru_cache(maxsize=4096)
def _glob(text: str) -> Pattern[str]:
    return compile(".*".join(escape(part) for part in text.split("*")), DOTALL)
