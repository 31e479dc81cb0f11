"""By what names Envoy counts upstreams, and what Prometheus makes of them.

Law: an upstream is counted under its own name and not its cluster's, which changes when what it means changes. So its
numbers go on through a reload. Two clusters counted apart would be one series twice, because the label is the name:
Prometheus takes one of them and drops the other.
"""

from extproc.dataplane.form import Node
from extproc.dataplane.place import Form

_MARK = "upstream"  # behind the name, which may hold dots itself, so that the expression below finds its end
MILLISECONDS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000, 600000]


def statistics_name(upstream: str, form: Form) -> str:
    """Others' Envoys know nothing of our tags: there it is the name alone, in which they see no dots."""
    return f"{upstream}.{_MARK}" if form == "whole" else upstream.replace(".", "_")


def stats_config() -> Node:
    return {
        "histogram_bucket_settings": [
            {"match": {"suffix": suffix}, "buckets": MILLISECONDS} for suffix in ("_ms", "rq_time")
        ],
        "stats_tags": [{"tag_name": "provider", "regex": rf"^cluster\.((.+)\.{_MARK}\.)"}],
    }
