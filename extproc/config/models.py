"""What a provider serves: its configured models over the shipped table's facts.

Law: what is configured wins over the table, key by key; an exact name wins over a glob. A model that nobody knows
anything of serves chat.
"""

from dataclasses import replace

import msgspec

from extproc.config import tables
from extproc.config.globs import is_under
from extproc.config.retired import notice, retired_models, successor
from extproc.config.schema_upstreams import ModelKeys, PriceKeys, ProviderKeys
from extproc.dialects.families import CHAT, families_by_name
from extproc.money import Price
from extproc.snapshot import Model


def served(provider: ProviderKeys, own_host: bool) -> tuple[tuple[Model, ...], bool]:
    """The models of a provider, and whether it serves only those. `own_host`: it is the vendor's own address."""
    if provider.models is None:
        known = _served_today(provider.dialect) if own_host else []
        return (*known, *(retired_models(provider.dialect) if known else ())), bool(known)
    written = model_keys(provider)
    listed = [_model(provider.dialect, keys, own_host) for keys in written]
    exact = {model.name for model in listed}
    globbed = [
        replace(_overlaid(known, keys), by_glob=True)
        for keys in written
        if "*" in keys.name and keys.upstream in (None, keys.name)
        for known in _served_today(provider.dialect)
        if known.name not in exact and is_under(known.name, keys.name)
    ]
    covered = {model.name: model for model in reversed(globbed)}
    return (*listed, *(covered[name] for name in sorted(covered))), True


def _served_today(dialect: str) -> list[Model]:
    """The table's models, without those whose names go to a successor."""
    return [known for name, known in tables.models_of(dialect).items() if successor(dialect, name) is None]


def model_keys(provider: ProviderKeys) -> list[ModelKeys]:
    """The three written forms of `models`, as one."""
    if provider.models is None:
        return []
    if isinstance(provider.models, dict):
        return [ModelKeys(name=name, upstream=upstream) for name, upstream in provider.models.items()]
    return [item if isinstance(item, ModelKeys) else ModelKeys(name=item) for item in provider.models]


def _model(dialect: str, keys: ModelKeys, own_host: bool) -> Model:
    upstream = keys.upstream if keys.upstream != keys.name else None
    asked = upstream or keys.name
    instead = successor(dialect, asked) if "*" not in asked else None
    upstream = instead or upstream
    base = _known(dialect, keys.name, upstream)
    if base is None:
        guess = families_by_name(upstream or keys.name) if not own_host else CHAT
        base = Model(name=keys.name, endpoints=guess)
    told = notice(asked, instead) if instead else None
    return replace(_overlaid(base, keys), name=keys.name, upstream=upstream, former=False, notice=told)


def _overlaid(base: Model, keys: ModelKeys) -> Model:
    """What is written wins, key by key."""
    return replace(
        base,
        price=base.price if keys.price is None else _price(keys.price),
        endpoints=base.endpoints if keys.endpoints is None else frozenset(keys.endpoints),
        context=keys.context or base.context,
        max_output=keys.max_output or base.max_output,
        quality=base.quality if keys.quality is None else keys.quality,
        capabilities=_over(base.capabilities, frozenset(keys.capabilities)),
    )


def _over(known: frozenset[str], said: frozenset[str]) -> frozenset[str]:
    """Who says `x` takes back `no_x`, and the other way round."""
    opposites = {name.removeprefix("no_") if name.startswith("no_") else f"no_{name}" for name in said}
    return known - opposites | said


def _known(dialect: str, name: str, upstream: str | None) -> Model | None:
    """The table's facts of what is really served. Azure's upstream is a deployment, so there the name comes first."""
    order = (name, upstream) if dialect == "azure_openai" else (upstream or name,)
    return next((found for one in order if one and (found := tables.look_up(dialect, one))), None)


def _price(keys: PriceKeys) -> Price:
    return tables.price(msgspec.convert(keys.model_dump(exclude_none=True), tables.PriceFact))
