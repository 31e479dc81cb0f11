"""The shipped table of models: facts of vendors' models, dated and with their source. See tools/model_table.py."""

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

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


class PriceFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input: str
    output: str = "0"
    cached_input: str | None = None
    cache_write: str | None = None


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


@cache
def table() -> Table:
    return msgspec.json.decode(files("extproc.config").joinpath("models.json").read_bytes(), type=Table)


@cache
def models_of(dialect: str) -> MappingProxyType[str, Model]:
    """All that the table knows of a dialect's vendor, by name."""
    facts = table().vendors.get(VENDOR_OF.get(dialect, ""), {})
    return MappingProxyType({name: _model(name, fact) for name, fact in facts.items()})


def look_up(dialect: str, name: str) -> Model | None:
    return models_of(dialect).get(name)


def price(input: str, output: str, cached_input: str | None, cache_write: str | None) -> Price:
    """Dollars for a million tokens, as they are written, in nano-dollars."""
    return Price(
        input=nanos(input),
        output=nanos(output),
        cached_input=None if cached_input is None else nanos(cached_input),
        cache_write=None if cache_write is None else nanos(cache_write),
    )


def _model(name: str, fact: ModelFact) -> Model:
    cost = fact.price
    return Model(
        name=name,
        price=price(cost.input, cost.output, cost.cached_input, cost.cache_write) if cost else None,
        context=fact.context,
        max_output=fact.max_output,
        capabilities=frozenset(fact.capabilities),
        endpoints=frozenset(fact.endpoints),
    )
