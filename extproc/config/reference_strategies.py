"""The prose of docs/configuration.md about strategies: what each kind does, and how they are put together.

Law: as in reference_text.py. The table of kinds and their other names is made, so that it is never stale.
"""

from typing import Final

from extproc.config.kinds import OTHER_NAMES

MEANINGS: Final[dict[str, str]] = {
    "ordered": "As written: `targets` in their order, else `providers` as they stand in the file.",
    "weighted": "Drawn by `weights` for each request, the rest behind it by further draws.",
    "cost": "What this request will probably cost, least first: its tokens at each target's prices, a cluster's time.",
    "hybrid": "First clusters up to `cluster_cost_threshold` for 1,000 tokens, then whoever is cheapest.",
    "cluster_first": "All clusters before everybody's API, the cheapest first in both.",
    "external_first": "Everybody's API before all clusters, the cheapest first in both.",
    "latency": "How long this answer will probably take, as measured for prompts of its size; failures count. Of 50 "
    "requests one looks again at who was not asked for 30 s.",
    "quality": "The best model: its `quality`, else the class of its name (0.9 large ones, 0.6, 0.3 small ones).",
    "long_context": "The largest known `context` first, of equal ones the better model.",
    "code": "Models with the capability `code`, or a name made for it, before the others; then by quality.",
    "capability": "Who declares most of what the request needs: tools, vision, json_schema, its context, tags.",
    "region": "The nearest first: where the request says, then `regions`, globs over each provider's `region`.",
    "sticky": "The same session, user, caller or prompt always goes to the same target, so that its cache stays warm. "
    "A prompt is known by its beginning up to the first turn of the user.",
    "round_robin": "Who stood first longest ago.",
    "least_connections": "Who has the fewest requests in flight; with `ties: round_robin` idle ones take turns.",
    "token_balance": "Who has most left of its provider's limit on tokens, as its answers say.",
    "blend": "Several kinds at once, each counting as much as `scores` says.",
    "canary": "Two arms: `stable`, and a share for `canary` that climbs or is rolled back.",
}

PROSE: Final = """\
A strategy says who comes first among those that may and can answer; the rest follows behind, for failover. A caller's
header `x-extproc-strategy`, or `routing_strategy` and `routing_preference` in the body, names one; else the caller's
own `strategy`, the route's, `default`, and without that `ordered`. Each names a key of `strategies`, a kind, or
another name of a kind with its default settings; `-` and `_` are the same.

@kinds@
`targets`, models or whole providers, limit the candidates of every kind but canary.

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}"}
  ollama: {dialect: ollama}
strategies:
  default: {kind: weighted, weights: {openai: 0.9, ollama: 0.1}}
  code: {kind: ordered, targets: [ollama/qwen3-coder, openai]}
  cheap: {kind: cost, unpriced: deny}
```

**Cost and clusters.** A provider with `cost_per_hour` is a cluster. Its 1,000 tokens cost `cost_per_hour / (tokens a
second × 3600) × overhead_factor × 1000` dollars, with the tokens a second that were measured, else declared. Clusters
in which more than `max_queue_depth` requests wait, or whose 95th percentile is above `max_latency`, are a last resort
for `cost`, `hybrid`, `cluster_first`, `external_first` and `latency`. What has no price is `unpriced`: never cheap by
accident.

```yaml
providers:
  gpu:
    dialect: openai
    endpoints: [http://10.0.0.7:8000, http://10.0.0.8:8000]
    cost_per_hour: 1.20
    tokens_per_second: 400
    models: [qwen3-32b]
  openrouter: {dialect: openrouter, credential: "${OPENROUTER_API_KEY}", models: {qwen3-32b: qwen/qwen3-32b}}
strategies:
  default:
    kind: hybrid
    cluster_cost_threshold: 0.01    # dollars for 1,000 tokens; that is the default
    max_queue_depth: 10
    max_latency: 5s
```

**Rules.** The first condition that holds puts its provider first; the rest follow in the strategy's order. Conditions
are expressions over the facts of a request: `tokens < 1000`, `task_type == 'embedding'`, `safety_required == true`,
`stream && 'tools' in needs`; [reference.md](reference.md#facts-of-rules) has them all. A name that is no fact is an
error here.

**Put together.** `among` limits a strategy to what another one finds about as good as its best; `within` says how many
times the best score that may be. `ties` names the kind that orders equal scores. `blend` mixes scores: each kind's says
how many times worse than the best a target is, and `scores` how much that counts. `weights` are factors on a score, of
which less is better: 2 makes a target twice as dear; for `least_connections` and `sticky` they are shares.

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}", region: us-east-1}
  mistral: {dialect: mistral, credential: "${MISTRAL_API_KEY}", region: eu-west-3}
  lab: {dialect: openai, base_url: http://127.0.0.1:9001/v1, cost_per_hour: 0.4, tokens_per_second: 60, models: [small]}
strategies:
  default: {kind: cost, among: {kind: latency, within: 1.3}, ties: round_robin}
  europe: {kind: region, regions: [eu-west-*, eu-*], ties: cost}
  warm: {kind: sticky, sticky_by: [session, prompt]}
  mix: {kind: blend, scores: {cost: 2, latency: 1, quality: 1}, weights: {openai: 1.2}}
  ruled:
    kind: cost
    rules:
      - {condition: "tokens < 1000", provider: lab}
      - {condition: "safety_required == true", provider: openai}
```

**Canaries.** `stable` and `canary` are targets, providers or lists of them. `split` says how it begins. With `steps`
the share climbs, each step held for at least `step_every` and `min_samples` of its exchanges; at 100 it is promoted.
With `success_criteria` it is judged over the last `window`, and rolled back to nothing at the first that is broken.
Numbers with `<` and `>` want quotes. `sticky` keeps a caller, session or user in its arm. A change of the strategy
starts it anew. `webhook` is told of each move; the address is a secret, and no log shows it.
[operations.md](operations.md#canaries) tells how it is judged.

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}"}
  lab: {dialect: openai, base_url: http://127.0.0.1:9001/v1, models: [gpt-4o-mini]}
strategies:
  trial:
    kind: canary
    stable: openai/gpt-4o-mini
    canary: lab/gpt-4o-mini
    split: {stable: 90, canary: 10}
    steps: [25, 50, 100]
    step_every: 10m
    sticky: session
    success_criteria: {error_rate: "<1%", latency_p95: "<2s", cost_efficiency: ">0.8"}
    webhook: ${CANARY_WEBHOOK:-https://hooks.example.com/canary}
routes:
  - {match: {path: /v1/chat/completions}, strategy: trial}
```
"""


def strategies_text() -> str:
    return PROSE.replace("@kinds@", _kinds())


def _kinds() -> str:
    lines = ["| kind | who comes first | other names |", "|---|---|---|"]
    for kind, meaning in MEANINGS.items():
        others = ", ".join(f"`{name}`" for name, meant in OTHER_NAMES.items() if meant == kind)
        lines.append(f"| **`{kind}`** | {meaning} | {others} |")
    return "\n".join(lines) + "\n"
