"""The names of losses: a caller can find them in the request, and metrics can count them."""

from extproc.dialects.openai.parameters import PARAMETERS
from extproc.translation import loss_names

NAMES = [value for name, value in vars(loss_names).items() if name.isupper()]


def test_each_begins_with_a_member_of_the_request_and_holds_no_place() -> None:
    assert NAMES
    for name in NAMES:
        assert name.partition(".")[0] in PARAMETERS
        assert "[" not in name
