"""Rules: conditions over the facts of a request, as `strategies.NAME.rules` has them.

Law: a condition is read once and evaluated often; nothing in it can raise, hang or reach anything but the facts.
"""


def problems_of(condition: str) -> str | None:
    """What is wrong with a condition, for the person who wrote it; None: nothing."""
    return None if condition.strip() else "is empty"
