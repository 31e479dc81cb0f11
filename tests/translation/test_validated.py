"""Every request, to every dialect that is registered: refused in clear words, or what the vendor's own SDK would say.

Law: targets come from the registry, so a new pair is judged as it lands, and none is left out in silence.
"""

import json
from urllib.parse import unquote

import pytest

from extproc.refusal import Refusal
from tests.translation.asking import chat_call, destination, judged, pair_of, passing, translated, translating
from tests.translation.requests import REQUESTS, encoded
from tests.validators.client import why_missing

with_validators = pytest.mark.skipif(why_missing() is not None, reason=str(why_missing()))


@pytest.mark.sdk
@with_validators
@pytest.mark.parametrize(("dialect", "model"), translating())
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_what_the_vendors_sdk_would_say_or_is_refused(dialect: str, model: str, name: str) -> None:
    sent = translated(dialect, encoded(name, model), model)
    if isinstance(sent, Refusal):
        assert 400 <= sent.status < 500 and len(sent.message) > 10, sent
        return
    assert judged(dialect, model, sent) == []


@pytest.mark.parametrize(("dialect", "model"), translating())
def test_most_requests_are_not_refused(dialect: str, model: str) -> None:
    """A pair that refuses everything would pass the test above."""
    refused = [name for name in REQUESTS if isinstance(translated(dialect, encoded(name, model), model), Refusal)]
    assert len(refused) < len(REQUESTS) / 4, refused


@pytest.mark.parametrize(("dialect", "model"), translating())
def test_a_streamed_request_is_asked_for_as_a_stream(dialect: str, model: str) -> None:
    whole, streamed = (translated(dialect, encoded(name, model), model) for name in ("plain", "streamed"))
    assert not isinstance(whole, Refusal) and not isinstance(streamed, Refusal)
    assert (whole.path, whole.body) != (streamed.path, streamed.body)
    assert "//" not in streamed.path and " " not in streamed.path
    stands = unquote(streamed.path) + str(json.loads(streamed.body or b"{}").get("model"))
    assert model in stands, "the model is neither in the path nor in the body"


@pytest.mark.parametrize("dialect", passing())
@pytest.mark.parametrize("name", REQUESTS)
def test_the_callers_own_dialect_passes_as_it_came(dialect: str, name: str) -> None:
    call = chat_call(encoded(name, "m"))
    sent = pair_of(dialect, "m").request(call, destination(dialect, "m"))
    assert not isinstance(sent, Refusal) and sent.body is None
