"""Keys that the schema knows and whose feature has not landed: writing one is an error that says so.

Law: when a feature lands, its line goes away here in the same change. `*` stands for any name or place.
"""

LATER: dict[str, str] = {
    "classification": "classes of data",
    "policies": "policy documents",
    "budgets": "budget documents",
    "providers.*.limits": "limits of providers",
}
