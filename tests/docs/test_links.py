"""Every link of every page leads to a file that is there, and to a heading that it has."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for room in ("docs", "envoy", "k8s") for page in (ROOT / room).rglob("*.md"))]
)
LINKS = [
    pytest.param(page, link, id=f"{page.relative_to(ROOT)}-{link}")
    for page in PAGES
    for link in sorted(set(re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text())))
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    name, _, heading = link.partition("#")
    leads_to = page.parent / name if name else page
    assert leads_to.exists()
    assert not heading or heading in _headings(leads_to.read_text())


def _headings(text: str) -> set[str]:
    """As they are written in links: small letters, words and hyphens."""
    without_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    said = re.findall(r"^#+ (.*)$", without_blocks, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in said}
