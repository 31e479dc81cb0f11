"""Keys that the schema knows and whose feature has not landed: writing one is an error that says so.

Law: when a feature lands, its line goes away here in the same change. `*` stands for any name or place.
"""

LATER: dict[str, str] = {
    "classification": "classes of data",
    "policies": "policy documents",
    "budgets": "budget documents",
    "listen.tls": "TLS towards clients",
    "providers.*.sign": "signed requests",
    "providers.*.health": "active probes",
    "providers.*.limits": "limits of providers",
    "providers.*.cost_per_hour": "clusters priced by the hour",
    "providers.*.tls": "client certificates towards providers",
    "services.*.tls": "client certificates towards services",
    "strategies.*.rules": "rules",
    "strategies.*.among": "composed strategies",
    "strategies.*.within": "composed strategies",
    "strategies.*.cluster_cost_threshold": "the hybrid strategy",
}

LATER_KINDS: frozenset[str] = frozenset(
    {
        "hybrid",
        "cost",
        "latency",
        "cluster_first",
        "external_first",
        "quality",
        "long_context",
        "code",
        "round_robin",
        "least_connections",
        "token_balance",
        "sticky",
        "capability",
        "region",
    }
)
