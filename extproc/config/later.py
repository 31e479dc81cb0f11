"""Keys that the schema knows and whose feature has not landed: writing one is an error that says so.

Law: when a feature lands, its line goes away here in the same change. `*` stands for any name or place.
"""

LATER: dict[str, str] = {
    "classification": "classes of data",
    "policies": "policy documents",
    "budgets": "budget documents",
    "listen.tls": "TLS towards clients",
    "listen.http3": "HTTP/3",
    "listen.cors": "CORS",
    "listen.limits": "limits of clients",
    "limits.headers": "limits of headers",
    "limits.header_count": "limits of headers",
    "callers.*.certificate": "callers known by certificate",
    "routes.*.cors": "CORS",
    "providers.*.limits": "limits of providers",
}
