"""The shipped table of models: facts of vendors' models, dated and with their source. See tools/model_table.py."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import msgspec

from extproc.dialects.model_names import by_plain_name, plain_name, without_profile
from extproc.money import Price, nanos
from extproc.snapshot import Model

# Which vendor's table a dialect reads. openrouter and ollama serve any name under names of their own.
VENDOR_OF: Final = MappingProxyType(
    {
        "openai": "openai",
        "azure_openai": "openai",
        "anthropic": "anthropic",
        "gemini": "gemini",
        "vertex": "vertex",
        "bedrock": "bedrock",
        "cohere": "cohere",
        "mistral": "mistral",
    }
)


_ZERO: Final = {"input": 0, "output": 0}


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Dollars for a million tokens, as they are written; None: as in the price around it."""

    input: str | None = None
    output: str | None = None
    cached_input: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    cached_audio: str | None = None
    image_input: str | None = None
    image_output: str | None = None


class LongFact(Rates, frozen=True, kw_only=True):
    above: int


class TierFact(Rates, frozen=True, kw_only=True):
    long_context: LongFact | None = None


class PriceFact(TierFact, frozen=True, kw_only=True):
    batch: TierFact | None = None
    flex: TierFact | None = None
    priority: TierFact | None = None


class ModelFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    price: PriceFact | None = None
    context: int | None = None
    max_output: int | None = None
    capabilities: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ("chat",)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: str
    source: str
    unit: str
    vendors: dict[str, dict[str, ModelFact]]
    former: dict[str, dict[str, ModelFact]]  # what earlier tables knew, and this one's source knows no more


@cache
def table() -> Table:
    return msgspec.json.decode(files("extproc.config").joinpath("models.json").read_bytes(), type=Table)


@cache
def models_of(dialect: str) -> MappingProxyType[str, Model]:
    """All that the table knows of a dialect's vendor, by name."""
    vendor = VENDOR_OF.get(dialect, "")
    former = {name: replace(_model(name, fact), former=True) for name, fact in table().former.get(vendor, {}).items()}
    return MappingProxyType(
        former | {name: _model(name, fact) for name, fact in table().vendors.get(vendor, {}).items()}
    )


def look_up(dialect: str, name: str) -> Model | None:
    """What is known of a name: as it is written, else of the model that all its spellings mean."""
    known = models_of(dialect)
    return known.get(name) or known.get(without_profile(name)) or _by_plain_name(dialect).get(plain_name(name))


@cache
def _by_plain_name(dialect: str) -> MappingProxyType[str, Model]:
    return MappingProxyType(by_plain_name(models_of(dialect).values()))


def price(fact: PriceFact) -> Price:
    """In nano-dollars, and with every nested price complete in itself."""
    standard = _rates(fact, {})
    long = _rates(fact.long_context, standard)

    def of_tier(tier: TierFact | None) -> Price | None:
        if tier is None:
            return None
        return _price(_rates(tier, standard), tier.long_context or fact.long_context, _rates(tier.long_context, long))

    return replace(
        _price(standard, fact.long_context, long),
        batch=of_tier(fact.batch),
        flex=of_tier(fact.flex),
        priority=of_tier(fact.priority),
    )


def _price(rates: dict[str, Any], limit: LongFact | None, long: dict[str, Any]) -> Price:
    made = Price(**_ZERO | rates)
    return made if limit is None else replace(made, above=limit.above, long=Price(**_ZERO | long))


def _rates(fact: Rates | None, around: dict[str, Any]) -> dict[str, Any]:
    """The rates that a fact tells, over those of the price around it."""
    if fact is None:
        return around
    told = {kind: getattr(fact, kind) for kind in Rates.__struct_fields__}
    return around | {kind: nanos(rate) for kind, rate in told.items() if rate is not None}


def _model(name: str, fact: ModelFact) -> Model:
    return Model(
        name=name,
        price=price(fact.price) if fact.price else None,
        context=fact.context,
        max_output=fact.max_output,
        capabilities=frozenset(fact.capabilities),
        endpoints=frozenset(fact.endpoints),
    )
