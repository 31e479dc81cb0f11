"""Texts of four kinds, written for these tests, and what o200k makes of them."""

ENGLISH = """The harbour had been quiet since the storm, and the few boats that were left lay on their sides in the mud.
Nobody knew yet who would pay for the repairs. The council met twice a week, argued about insurance, and adjourned.
Meanwhile the fishermen mended what they could with borrowed tools, and their children collected driftwood along the
beach, stacking it behind the old ice house. By the end of October there was enough to last the winter, though it
smelled of salt and tar when it burned, and the smoke hung over the roofs until noon.
"""

CODE = '''def merge_intervals(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join all intervals that overlap or touch."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


class RateLimiter:
    def __init__(self, capacity: float, refillPerSecond: float) -> None:
        self._capacity = capacity
        self._refill = refillPerSecond
        self._tokens = capacity

    def allow(self, cost: float = 1.0) -> bool:
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True
'''

JSON = """{"orders": [
  {"id": 10231, "customer": {"name": "A. Berg", "tier": "gold"}, "total": 129.95, "currency": "EUR", "paid": true},
  {"id": 10232, "customer": {"name": "M. Okafor", "tier": null}, "total": 18.5, "currency": "GBP", "paid": false},
  {"id": 10233, "customer": {"name": "Y. Tanaka", "tier": "silver"}, "total": 2400, "currency": "JPY", "paid": true}
], "page": {"number": 1, "size": 50, "next": "/v2/orders?page=2&size=50"}, "generated_at": "2026-03-14T09:26:53Z"}
"""

CHINESE = """港口自从那场风暴以后一直很安静，剩下的几条船都倒在泥里。没有人知道修理的费用应该由谁来付。
委员会每个星期开两次会，讨论保险的问题，然后散会。渔民们用借来的工具修补能修的东西，
孩子们在海边捡木头，堆在旧冰库的后面。到了十月底，木头已经足够过冬，虽然烧起来有盐和焦油的味道，
烟一直到中午才从屋顶上散去。
"""

SAMPLES = {"english": ENGLISH, "code": CODE, "json": JSON, "chinese": CHINESE}
