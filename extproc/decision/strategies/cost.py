"""Strategies by cost: `cost`, `hybrid`, `cluster_first`, `external_first`.

All order by what the request will probably cost. `hybrid` puts before the others the clusters whose 1,000 tokens cost
no more than the threshold, `cluster_first` all clusters, `external_first` everybody's API. A cluster that does not pass
its gates stands behind them all.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.factors import weighed
from extproc.decision.strategies.gates import gated, stale_gates
from extproc.decision.strategies.request_cost import Estimate, cost_of
from extproc.decision.strategies.words import price
from extproc.snapshot import StrategySpec

CLUSTER_COST_THRESHOLD: Final = 10_000_000  # nano-dollars for 1,000 tokens: a cent
GATED: Final = 9  # the band behind all bands


class Group(NamedTuple):
    band: int
    code: str
    note: str = ""


class Cost:
    """The cheapest first, whoever it is."""

    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [self._score(one, circumstances) for one in candidates]

    def _score(self, contender: Contender, circumstances: Circumstances) -> Score:
        estimate = cost_of(contender, circumstances)
        score = weighed(self._placed(contender, estimate, circumstances), contender, circumstances.spec)
        return gated(score, contender, circumstances, GATED)

    def _placed(self, contender: Contender, estimate: Estimate, circumstances: Circumstances) -> Score:
        spec = circumstances.spec
        group = self._group(contender, estimate, spec)
        words = estimate.words + group.note + stale_gates(contender, circumstances)
        if estimate.amount is not None:
            return Score(float(estimate.amount), words, group.band, code=group.code)
        if spec.unpriced == "deny":
            return Score(None, f"{words}, and the strategy denies the unpriced", chosen=False)
        if spec.unpriced == "allow":
            return Score(0.0, f"{words}, so it counts as free", group.band, code=group.code)
        return Score(None, f"{words}, so it stands behind those with one", group.band, "last", code=codes.UNPRICED)

    def _group(self, contender: Contender, estimate: Estimate, spec: StrategySpec) -> Group:
        return Group(0, codes.LOWEST_COST)


class Hybrid(Cost):
    """Clusters that are cheap enough, then the cheapest."""

    def _group(self, contender: Contender, estimate: Estimate, spec: StrategySpec) -> Group:
        if estimate.per_1k is None:
            return Group(1, codes.HYBRID_CHEAPEST)
        threshold = CLUSTER_COST_THRESHOLD if spec.cluster_cost_threshold is None else spec.cluster_cost_threshold
        if estimate.per_1k <= threshold:
            return Group(0, codes.HYBRID_CLUSTER, f", within {price(threshold)}")
        return Group(1, codes.HYBRID_CHEAPEST, f", above {price(threshold)}")


class ClusterFirst(Cost):
    def _group(self, contender: Contender, estimate: Estimate, spec: StrategySpec) -> Group:
        cluster = contender.provider.by_the_hour is not None
        return Group(0, codes.CLUSTER_FIRST) if cluster else Group(1, codes.EXTERNAL_FALLBACK)


class ExternalFirst(Cost):
    def _group(self, contender: Contender, estimate: Estimate, spec: StrategySpec) -> Group:
        cluster = contender.provider.by_the_hour is not None
        return Group(1, codes.CLUSTER_FALLBACK) if cluster else Group(0, codes.EXTERNAL_FIRST)
