"""The schema of strategies: who comes first among those that could answer.

Which keys go with which kinds stands in `strategy_keys.py`.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Tag

from extproc.config.criteria import parse_cost_efficiency, parse_error_rate, parse_latency
from extproc.config.schema_credentials import SecretKeys
from extproc.config.values import (
    LIST,
    MAPPING,
    TEXT,
    Count,
    Dollars,
    Duration,
    Keys,
    Number,
    Percent,
    Text,
    TextOrList,
    one_of,
)

_TEXT = Field(json_schema_extra={"type": "string"})
ErrorRate = Annotated[float, BeforeValidator(parse_error_rate), _TEXT]
Latency = Annotated[float, BeforeValidator(parse_latency), _TEXT]
CostEfficiency = Annotated[float, BeforeValidator(parse_cost_efficiency), _TEXT]
StickyBy = Literal["session", "user", "caller", "prompt"]
StickyChoice = Annotated[
    Annotated[StickyBy, Tag(TEXT)] | Annotated[list[StickyBy], Tag(LIST)],
    one_of("one of session, user, caller, prompt, or a list of them"),
]


class RuleKeys(Keys):
    condition: str = Field(description="An expression over the facts of a request: `tokens < 1000`.")
    provider: str = Field(description="Who comes first where it holds; the rest follow.")


class SplitKeys(Keys):
    stable: Percent = Field(description="Percent; together 100.")
    canary: Percent = Field(description="Percent.")


class CriteriaKeys(Keys):
    error_rate: ErrorRate | None = Field(None, description='Share of its attempts that fail: "<1%" or "<0.01".')
    latency_p95: Latency | None = Field(
        None, description='What 95 of 100 callers wait, to the first chunk of a stream or to the end: "<2s".'
    )
    cost_efficiency: CostEfficiency | None = Field(
        None, description='What a token costs at `stable` over what it costs at `canary`: ">0.8".'
    )


class StrategyKeys(Keys):
    kind: str = Field(description="What orders: see the table of kinds.")
    targets: list[str] = Field([], description="Limit the candidates: `provider/model`, or a provider.")
    weights: dict[str, Number] = Field(
        {},
        description="By provider or provider/model; 0 is never chosen. `weighted` draws by them; for kinds that "
        "measure they are factors on the score, of which less is better.",
    )
    rules: list[RuleKeys] = Field([], description="The first that holds puts its provider first.")
    among: (
        Annotated[Text | Annotated["StrategyKeys", Tag(MAPPING)], one_of("a strategy's name, or a mapping")] | None
    ) = Field(
        None,
        description="Another strategy: a kind, a name of `strategies` or a mapping. This one orders only those that "
        "it finds about as good as its best; the rest follow in its order.",
    )
    within: Number | None = Field(
        None,
        ge=1,
        description="Inside `among`, or beside it: how many times the best score still counts as good. Left out: only "
        "what equals the best.",
    )
    ties: str | None = Field(None, description="The kind that orders equal scores. Left out: as they are written.")
    scores: dict[str, Number] = Field({}, description="blend: kinds that measure, and how much each counts.")
    unpriced: Literal["deny", "worst", "allow"] = Field(
        "worst",
        description="Targets without a price: `deny` never takes them, `worst` puts them behind all that have one, "
        "`allow` counts them as free.",
    )
    cluster_cost_threshold: Dollars | None = Field(
        None, description="hybrid: dollars for 1,000 tokens up to which a cluster goes before all others."
    )
    max_queue_depth: Number | None = Field(
        None, ge=0, description="A cluster in which more requests wait is a last resort. Left out: 10."
    )
    max_latency: Duration | None = Field(
        None, description="A cluster whose 95th percentile is above it is a last resort. Left out: 5s."
    )
    sticky_by: StickyChoice | None = Field(
        None,
        description="sticky: what stays together, the first that a request has. Left out: session, user, prompt.",
    )
    regions: TextOrList | None = Field(
        None, description="region: the nearest first, globs over the providers' `region`."
    )
    stable: TextOrList | None = Field(None, description="canary: `provider/model` or a provider, or a list of them.")
    canary: TextOrList | None = Field(None, description="canary: likewise, what is tried.")
    split: SplitKeys | None = Field(None, description="canary: how it begins. Left out: 90 and 10.")
    traffic_split: SplitKeys | None = Field(None, description="Another name of `split`.")
    steps: list[Percent] = Field([], description="canary: percent that it climbs to, one behind the other.")
    step_every: Duration = Field(300.0, description="canary: at least this long on each step.")
    sticky: Literal["caller", "session", "user", "none"] = Field(
        "caller", description="canary: who stays in the arm in which they were."
    )
    success_criteria: CriteriaKeys | None = Field(
        None, description="canary: what it must keep to, else it is rolled back to 0 %."
    )
    window: Duration = Field(300.0, description="canary: how far the criteria look back.")
    min_samples: Count = Field(50, ge=1, description="canary: of its exchanges, before anything is concluded.")
    webhook: SecretKeys | None = Field(
        None, description="canary: an address that is told of each move by POST; text or {file: PATH}."
    )
