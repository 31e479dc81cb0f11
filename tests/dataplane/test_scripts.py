"""The Lua scripts spell names as extproc/names.py does."""

import re
from importlib.resources import files

import pytest

from extproc import names
from extproc.refusal import RETRIABLE_STATUSES

KNOWN = {value for value in vars(names).values() if isinstance(value, str)}
WORDS = {
    "",
    "usage",
    "service_tier",
    "application/json",
    "text/event-stream",
    "content-type",
    "content-encoding",
    ":status",
    "false",
    "?",
    "%d",
    ", ",
    ":0",
}


@pytest.mark.parametrize("script", ["answer.lua", "walk.lua"])
def test_every_name_in_a_script_is_one_of_ours(script: str) -> None:
    """A name that is changed in one place and not in the other is found here."""
    text = files("extproc.dataplane").joinpath(script).read_text(encoding="utf-8")
    code = re.sub(r"--[^\n]*", "", text)
    said = set(re.findall(r'"([^"\n]*)"', code)) - WORDS
    assert {name for name in said if re.fullmatch(r"[a-z_.-]+", name)} <= KNOWN


def test_the_statuses_that_clients_would_run_again() -> None:
    """The same as those at which Envoy tries the next target."""
    text = files("extproc.dataplane").joinpath("answer.lua").read_text(encoding="utf-8")
    assert {int(status) for status in re.findall(r"\[(\d{3})\] = true", text)} == RETRIABLE_STATUSES
