"""What a WebSocket says by its query and its subprotocols, and what of it a provider gets."""

import pytest

from extproc.dialects.openai.realtime import keys_in, read_query, sent_query, sent_subprotocols


@pytest.mark.parametrize(
    ("query", "model", "once", "provider"),
    [
        ("", None, True, None),
        ("model=gpt-realtime", "gpt-realtime", True, None),
        ("a=1&model=my%20voice&provider=lab", "my voice", True, "lab"),
        ("%6dodel=x&model=y", "x", False, None),
        ("provider=a&provider=b", None, True, "a"),
        ("model=&provider=", None, True, None),
        ("model&x", None, True, None),
    ],
)
def test_model_and_provider_are_read_from_the_query(
    query: str, model: str | None, once: bool, provider: str | None
) -> None:
    read = read_query(query)
    assert (read.model, read.model_once, read.provider) == (model, once, provider)


@pytest.mark.parametrize(
    ("query", "model", "sent"),
    [
        ("model=m&a=%31", "m", "model=m&a=%31"),
        ("a=1&model=m", "m", "model=m&a=1"),
        ("model=%6d", "m", "model=%6d"),
        ("model=voice&a=1", "gpt/é", "model=gpt%2F%C3%A9&a=1"),
        ("model=m&%6dodel=other", "m", "model=m"),
        ("", "m", "model=m"),
        ("provider=lab&call_id=7", None, "call_id=7"),
        ("p%72ovider=lab&api-key=k&api%2Dkey=k", None, ""),
        ("model=&&intent=x", None, "model=&intent=x"),
    ],
)
def test_a_provider_is_told_one_model_and_nothing_that_is_ours(query: str, model: str | None, sent: str) -> None:
    assert sent_query(query, model) == sent


def test_a_model_may_be_called_a_deployment() -> None:
    assert sent_query("model=m&deployment=theirs&a=1", "dep", called="deployment") == "deployment=dep&a=1"
    assert sent_query("deployment=theirs", None, called="deployment") == "deployment=theirs"


@pytest.mark.parametrize(
    ("written", "keys", "sent"),
    [
        ("realtime, openai-insecure-api-key.k-1", ["k-1"], "realtime"),
        ("openai-insecure-api-key.k,realtime,openai-beta.realtime-v1", ["k"], "realtime, openai-beta.realtime-v1"),
        ("realtime, openai-organization.o, openai-project.p", [], "realtime"),
        ("openai-insecure-api-key.a, openai-insecure-api-key.b", ["a", "b"], ""),
        ("", [], ""),
        ("soap, wamp", [], "soap, wamp"),
    ],
)
def test_keys_stay_here_and_other_subprotocols_pass(written: str, keys: list[str], sent: str) -> None:
    assert (keys_in(written), sent_subprotocols(written)) == (keys, sent)
