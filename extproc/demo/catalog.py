"""Who is in the demo: the providers, their models, prices and tempers.

Law: a frozen table of facts and nothing else; whoever configures a gateway for the demo reads it from here.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

Dialect = Literal["openai", "anthropic"]
Endpoint = Literal[
    "chat", "completions", "responses", "messages", "embeddings", "moderations", "images", "speech", "transcriptions"
]

TEXT: Final[frozenset[Endpoint]] = frozenset({"chat", "completions", "responses"})
MESSAGES: Final[frozenset[Endpoint]] = frozenset({"messages"})
EVERY_ENDPOINT: Final[frozenset[Endpoint]] = TEXT | {
    "messages",
    "embeddings",
    "moderations",
    "images",
    "speech",
    "transcriptions",
}


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars a million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Speed:
    first_token_seconds: float
    tokens_per_second: float

    def seconds_for(self, tokens: int) -> float:
        """How long `tokens` take once the first one is ready."""
        return tokens / self.tokens_per_second


INSTANT: Final = Speed(first_token_seconds=0.0, tokens_per_second=math.inf)


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    price: Price = Price(input=0.0, output=0.0)
    context: int = 128_000
    vision: bool = False
    thinks: bool = False  # in a dialect that shows it, before each answer
    endpoints: frozenset[Endpoint] = TEXT
    dimensions: int = 256  # of embeddings


@dataclass(frozen=True, slots=True)
class Provider:
    """A demo provider; tests make their own, mostly with `speed=INSTANT` and `any_model=True`."""

    name: str
    models: tuple[Model, ...] = ()
    dialect: Dialect = "openai"
    speed: Speed = INSTANT
    fails_every: int = 0  # one request in so many fails, the first one first, by count and not by chance; 0 is never
    any_model: bool = False  # a name that is not listed is served too, on every endpoint
    own_key: str = ""

    @property
    def key(self) -> str:
        return self.own_key or f"demo-{self.name}"

    def model(self, name: str) -> Model | None:
        for listed in self.models:
            if listed.name == name:
                return listed
        return Model(name, vision=True, endpoints=EVERY_ENDPOINT) if self.any_model and name else None

    def default_model(self, endpoint: Endpoint) -> Model | None:
        """What answers where the dialect lets a caller leave the model out."""
        return next((listed for listed in self.models if endpoint in listed.endpoints), None)


SWIFT: Final = Provider(
    name="swift",
    speed=Speed(first_token_seconds=0.05, tokens_per_second=250),
    models=(
        Model("demo-chat", Price(3.0, 15.0), context=32_000),
        Model("demo-large", Price(10.0, 40.0), context=64_000),
        Model("demo-speech", Price(15.0, 0.0), endpoints=frozenset({"speech"})),
        Model("demo-transcribe", Price(6.0, 0.0), endpoints=frozenset({"transcriptions"})),
    ),
)
THRIFTY: Final = Provider(
    name="thrifty",
    speed=Speed(first_token_seconds=0.6, tokens_per_second=40),
    models=(
        Model("demo-chat", Price(0.1, 0.4), context=16_000),
        Model("demo-embed", Price(0.02, 0.0), context=8_000, endpoints=frozenset({"embeddings"})),
        Model("demo-guard", endpoints=frozenset({"moderations"})),
        Model("demo-transcribe", Price(0.5, 0.0), endpoints=frozenset({"transcriptions"})),
    ),
)
FLAKY: Final = Provider(
    name="flaky",
    speed=Speed(first_token_seconds=0.2, tokens_per_second=100),
    fails_every=3,
    models=(Model("demo-chat", Price(0.05, 0.2), context=16_000),),
)
SCHOLAR: Final = Provider(
    name="scholar",
    speed=Speed(first_token_seconds=0.9, tokens_per_second=60),
    models=(
        Model("demo-chat", Price(2.0, 8.0), context=200_000, vision=True),
        Model("demo-large", Price(5.0, 20.0), context=1_000_000, vision=True),
        Model("demo-image", Price(5.0, 40.0), endpoints=frozenset({"images"})),
    ),
)
SAGE: Final = Provider(
    name="sage",
    dialect="anthropic",
    speed=Speed(first_token_seconds=0.3, tokens_per_second=120),
    models=(
        Model("demo-chat", Price(1.0, 5.0), context=200_000, vision=True, endpoints=MESSAGES),
        Model("demo-thinker", Price(4.0, 20.0), context=200_000, vision=True, thinks=True, endpoints=MESSAGES),
    ),
)
# OpenAI's dialect first: where a model is at several providers, a request that needs no translation gets none.
PROVIDERS: Final[tuple[Provider, ...]] = (SWIFT, THRIFTY, FLAKY, SCHOLAR, SAGE)
