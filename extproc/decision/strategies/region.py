"""`region`: the nearest first. The request's own region, then its area of the world; then `regions` as they are listed,
the same area as one of them behind all of them; then other known regions, and last who says none.
"""

from collections.abc import Sequence

from extproc.decision.contender import Contender
from extproc.decision.nearest import shown
from extproc.decision.patterns import matches
from extproc.decision.strategies import codes
from extproc.decision.strategies.areas import area_of
from extproc.decision.strategies.contract import Circumstances, Score


class ByRegion:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        own = circumstances.facts.labels.get("region", "").lower()
        listed = [one.lower() for one in circumstances.spec.regions]
        return [_score((one.provider.region or "").lower(), own, listed) for one in candidates]


def _score(region: str, own: str, listed: Sequence[str]) -> Score:
    if not region:
        return Score(None, "its region is not known", unknown="last", code=codes.REGION_UNKNOWN)
    area = area_of(region)
    if region == own:
        return Score(0.0, f"it is in {shown(region)}, the request's region", code=codes.REGION)
    if area is not None and area == area_of(own):
        return Score(1.0, f"{shown(region)} is near {shown(own)}, the request's region", code=codes.NEAR)
    for place, one in enumerate(listed):
        if matches(one, region):
            return Score(2.0 + place, f"it is in {shown(region)}, number {place + 1} of the regions", code=codes.REGION)
    for place, one in enumerate(listed):
        if area is not None and area == area_of(one):
            return Score(2.0 + len(listed) + place, f"{shown(region)} is near {shown(one)}", code=codes.NEAR)
    return Score(2.0 + 2 * len(listed), f"it is in {shown(region)}", code=codes.FAR)
