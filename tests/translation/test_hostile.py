"""No request of a caller and no answer of a provider makes a pair raise, or say what the caller's SDK cannot read.

Law: what cannot be translated is a refusal: of the caller where the request is wrong, of the provider where the answer
is. What is translated all the same is well-formed.
"""

import json
from random import Random

import pytest

from extproc.dialects.registry import api_of
from extproc.refusal import Refusal
from extproc.translation.pair import Answer
from tests.translation.asking import chat_call, destination, pair_of, translating
from tests.translation.malformed import bodies
from tests.upstreams.formats import FORMATS
from tests.upstreams.malformed import Malformed, answers
from tests.validators.client import validate, validate_stream, why_missing

COUNT = 200
ASKED = b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": '
ASKED += b'{"name": "forecast", "parameters": {}}}, {"type": "function", "function": {"name": "clock"}}], "stream": %b}'
ANSWERING = [(dialect, model) for dialect, model in translating() if api_of(dialect, model) in FORMATS]
with_validators = pytest.mark.skipif(why_missing() is not None, reason=str(why_missing()))


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


@pytest.mark.parametrize(("dialect", "model"), translating())
def test_a_malformed_request_is_refused_or_made_well_formed(dialect: str, model: str) -> None:
    for body in bodies(COUNT, model):
        sent = pair_of(dialect, model).request(chat_call(body, body_model=model), destination(dialect, model))
        if isinstance(sent, Refusal):
            assert 400 <= sent.status < 500 and sent.message, (body[:500], sent)
        else:
            assert sent.body is not None
            assert isinstance(json.loads(sent.body.decode(), parse_constant=no_constant), dict), body[:500]


def test_the_generators_make_what_they_promise() -> None:
    assert len(set(bodies(COUNT, "m"))) == COUNT
    for form in FORMATS.values():
        made = list(answers(form, COUNT))
        assert len(made) == COUNT and sum(each.streamed for each in made) >= COUNT / 3
        assert [each.body for each in made] == [each.body for each in answers(form, COUNT)]


@pytest.mark.sdk
@with_validators
@pytest.mark.parametrize(("dialect", "model"), ANSWERING)
def test_a_malformed_answer_is_refused_or_made_well_formed(dialect: str, model: str) -> None:
    pair, to = pair_of(dialect, model), destination(dialect, model)
    call = chat_call(ASKED % b"false")
    for wrong in (each for each in answers(FORMATS[api_of(dialect, model)], COUNT) if not each.streamed):
        answer = pair.answer(call, to, Answer(200, (), wrong.body))
        if isinstance(answer, Refusal):
            assert answer.status == 502 and answer.message and "<html>" not in answer.message, wrong
        else:
            assert not wrong.incomplete, wrong
            assert validate("chat.completion", json.loads(answer.body)) == [], wrong


@pytest.mark.sdk
@with_validators
@pytest.mark.parametrize(("dialect", "model"), ANSWERING)
def test_a_malformed_stream_ends_in_an_error_or_is_made_well_formed(dialect: str, model: str) -> None:
    for wrong in (each for each in answers(FORMATS[api_of(dialect, model)], COUNT) if each.streamed):
        said = streamed(dialect, model, wrong, pieces=40)
        assert said == streamed(dialect, model, wrong, pieces=3), (wrong, "another split says another thing")
        problems = [line for line in validate_stream(said, may_fail=True) if not line.startswith("arguments:")]
        assert problems == [], (wrong, said)
        assert not wrong.incomplete or (b'"error"' in said and b"[DONE]" not in said), (wrong, said)


def streamed(dialect: str, model: str, wrong: Malformed, pieces: int) -> bytes:
    """What the caller is sent, the bytes coming in that many pieces."""
    stream = pair_of(dialect, model).stream(chat_call(ASKED % b"true"), destination(dialect, model))
    dice = Random(pieces)
    cuts = sorted(dice.randrange(len(wrong.body) + 1) for _ in range(pieces))
    said = b"".join(stream.feed(wrong.body[a:b]) for a, b in zip([0, *cuts], [*cuts, None], strict=True))
    return said + stream.finish()
