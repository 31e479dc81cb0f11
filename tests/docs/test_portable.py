"""docs/portable.md says what is lost in the words of the command line; every example of the pages can be rendered."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.app.foreign import CannotRender, static
from extproc.app.secret_references import CannotRefer
from extproc.config.load import load
from extproc.dataplane.place import Form
from extproc.dataplane.portable_losses import GUEST, PORTABLE
from tests.docs.test_blocks import BLOCKS
from tests.foreign.test_form import PLACE

PAGE = (Path(__file__).parents[2] / "docs" / "portable.md").read_text()
CONFIGURATIONS = [one for one in BLOCKS if one.values[0] == "yaml" and "providers:" in str(one.values[1])]


def test_every_loss_is_on_the_page_and_no_other() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", PAGE.partition("## What Envoy has")[0], re.MULTILINE)
    told = [row for row in rows if row not in (("what", "what it means"), ("---", "---"))]
    assert told == [(loss.what, loss.consequence) for loss in (*PORTABLE, *GUEST)]


@pytest.mark.parametrize("form", ["whole", "portable"])
@pytest.mark.parametrize(("language", "text"), CONFIGURATIONS)
def test_every_example_can_be_rendered(language: str, text: str, form: Form, tmp_path: Path) -> None:
    """But for secrets that stand in it, and pools of several names, which are told."""
    path = tmp_path / "extproc.yaml"
    path.write_text(text)
    loaded = load(path, {}, elsewhere=True)
    if loaded.compiled is None:
        pytest.skip(f"a part of a configuration: {loaded.problems[0]}")
    try:
        node = static(loaded.compiled, replace(PLACE, form=form))
    except (CannotRefer, CannotRender) as error:
        assert all("write" in line or "tls.server_name" in line for line in error.lines)
        return
    assert node["static_resources"]["listeners"]
