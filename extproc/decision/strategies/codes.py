"""The one word for why a target stands where it stands: what metrics count.

Law: every code that any strategy gives stands here once; the set is small and fixed, whatever the configuration says.
"""

from typing import Final

# --- as it is written ------------------------------------------------------------------------------------------------
ORDERED: Final = "ordered"
ALIAS: Final = "alias"
CHAIN: Final = "chain"
RULE: Final = "rule"  # the first that held named its provider
NAMED: Final = "named"  # the request is about what this provider holds

# --- by lot and by turn ----------------------------------------------------------------------------------------------
WEIGHTED: Final = "weighted"
ROUND_ROBIN: Final = "round_robin"
STABLE: Final = "stable"  # of a canary's two arms the one that was drawn
CANARY: Final = "canary"
STABLE_FALLBACK: Final = "stable_fallback"
CANARY_FALLBACK: Final = "canary_fallback"
NO_ARM: Final = "no_arm"

# --- by cost ---------------------------------------------------------------------------------------------------------
LOWEST_COST: Final = "lowest_cost"
HYBRID_CLUSTER: Final = "hybrid_cluster"  # a cluster whose tokens cost no more than the threshold
HYBRID_CHEAPEST: Final = "hybrid_cheapest"
CLUSTER_FIRST: Final = "cluster_first"
EXTERNAL_FALLBACK: Final = "external_fallback"
EXTERNAL_FIRST: Final = "external_first"
CLUSTER_FALLBACK: Final = "cluster_fallback"
UNPRICED: Final = "unpriced"  # nobody knows its price

# --- by what was observed --------------------------------------------------------------------------------------------
LOWEST_LATENCY: Final = "lowest_latency"
LEAST_CONNECTIONS: Final = "least_connections"
TOKEN_BALANCE: Final = "token_balance"
UNMEASURED: Final = "unmeasured"  # tried so that it gets measured
LAST_RESORT: Final = "last_resort"  # a busy or slow cluster, or a limit that is used up
BLEND: Final = "blend"

# --- by what is declared of them, and by who asks --------------------------------------------------------------------
QUALITY: Final = "quality"
CONTEXT_UNKNOWN: Final = "context_unknown"
CONTEXT: Final = "context"
CODE: Final = "code"  # made for it
CAPABILITY: Final = "capability"
CANNOT: Final = "cannot"  # something that is asked for is not among what it declares
UNDECLARED: Final = "undeclared"  # it declares nothing of what is asked for
REGION_UNKNOWN: Final = "region_unknown"
REGION: Final = "region"
NEAR: Final = "near"  # to the request's region, or to one of the strategy's
FAR: Final = "far"
STICKY: Final = "sticky"

CODES: Final = frozenset(
    {
        ORDERED,
        ALIAS,
        CHAIN,
        RULE,
        NAMED,
        WEIGHTED,
        ROUND_ROBIN,
        STABLE,
        CANARY,
        STABLE_FALLBACK,
        CANARY_FALLBACK,
        NO_ARM,
        LOWEST_COST,
        HYBRID_CLUSTER,
        HYBRID_CHEAPEST,
        CLUSTER_FIRST,
        EXTERNAL_FALLBACK,
        EXTERNAL_FIRST,
        CLUSTER_FALLBACK,
        UNPRICED,
        LOWEST_LATENCY,
        LEAST_CONNECTIONS,
        TOKEN_BALANCE,
        UNMEASURED,
        LAST_RESORT,
        BLEND,
        QUALITY,
        CONTEXT_UNKNOWN,
        CONTEXT,
        CODE,
        CAPABILITY,
        CANNOT,
        UNDECLARED,
        REGION_UNKNOWN,
        REGION,
        NEAR,
        FAR,
        STICKY,
    }
)
