"""Bodies of requests up to `limits.body`, below and above Envoy's own megabyte, and over what Envoy holds."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from extproc.protocol.replies import LARGEST_BUFFERED
from extproc.snapshot import Limits
from tests.dataplane.envoy import Running, eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
UPSTREAM = Upstream()


@pytest.fixture(scope="module", params=[64 * 1024, 1024 * 1024, 4 * 1024 * 1024])
def limited(request: pytest.FixtureRequest) -> Iterator[tuple[Running, int]]:
    with answering(UPSTREAM):
        made = replace(snapshot(provider("good", UPSTREAM.endpoint), llm()), limits=Limits(body=request.param))
        with running(made) as envoy, serving(Processor(), envoy.place):
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            yield envoy, request.param


def chat(envoy: Running, body: bytes) -> tuple[int, bytes]:
    answer = envoy.ask("POST", "/v1/chat/completions", {"x-plan": "good", "content-type": "application/json"}, body)
    return answer.status, answer.body


def test_a_body_within_the_limit_passes(limited: tuple[Running, int]) -> None:
    """Just below it, whole."""
    envoy, limit = limited
    body = b"x" * (limit - 1024)
    assert chat(envoy, body)[0] == 200
    assert UPSTREAM.asked[-1][3] == body


def test_a_body_that_envoy_cannot_hold_is_refused(limited: tuple[Running, int]) -> None:
    """413 as JSON, and nothing goes upstream. Between the limit and this it is the processor that refuses."""
    envoy, _ = limited
    UPSTREAM.asked.clear()
    status, body = chat(envoy, b"x" * (LARGEST_BUFFERED + (1 << 20)))
    assert status == 413 and b'"request_too_large"' in body
    assert UPSTREAM.asked == []


def test_an_upload_within_the_limit_passes(limited: tuple[Running, int]) -> None:
    """Whole, though nobody reads it. (Above it, no promise.)"""
    envoy, limit = limited
    body = b"x" * (limit - 1024)
    headers = {"x-plan": "good", "content-type": "multipart/form-data"}
    assert envoy.ask("POST", "/v1/audio/transcriptions", headers, body).status == 200
    assert UPSTREAM.asked[-1][3] == body
