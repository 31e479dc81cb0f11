"""Regions of clouds → the part of the world they are in: `eu-west-1`, `europe-west4` and `germanywestcentral` are one.

Law: rough, for telling near from far; a region that is not known is in no area.
"""

import re
from functools import lru_cache
from typing import Final

# By the first part of a name, as AWS and Google write them.
_FIRST: Final = {
    "us": "us",
    "usgov": "us",
    "northamerica": "ca",  # Google has Montreal and Toronto there
    "ca": "ca",
    "mx": "mx",
    "eu": "eu",
    "europe": "eu",
    "uk": "eu",
    "ap": "ap",
    "apac": "ap",
    "asia": "ap",
    "australia": "au",
    "au": "au",
    "jp": "ap",
    "cn": "cn",
    "sa": "sa",
    "southamerica": "sa",
    "me": "me",
    "il": "me",
    "af": "af",
    "africa": "af",
}
_SYDNEY: Final = re.compile(r"ap-southeast-[246]$")  # Sydney, Melbourne, Auckland
# Azure writes the side before or behind the country, without a dash.
_AZURE: Final = (
    (re.compile(r"us\d?$|usgov|^us"), "us"),
    (re.compile(r"europe|france|germany|^uk|sweden|norway|switzerland|italy|poland|spain|austria|belgium"), "eu"),
    (re.compile(r"canada"), "ca"),
    (re.compile(r"brazil|chile"), "sa"),
    (re.compile(r"australia|newzealand"), "au"),
    (re.compile(r"asia|japan|korea|india|indonesia|malaysia"), "ap"),
    (re.compile(r"uae|qatar|israel"), "me"),
    (re.compile(r"africa"), "af"),
    (re.compile(r"mexico"), "mx"),
)


@lru_cache(maxsize=1024)
def area_of(region: str) -> str | None:
    name = region.strip().lower()
    if _SYDNEY.match(name):
        return "au"
    first = name.replace("_", "-").partition("-")[0].rstrip("*")
    if first in _FIRST:
        return _FIRST[first]
    return next((area for pattern, area in _AZURE if pattern.search(first)), None)
