"""Every shape that is rendered works as Envoy's configuration: one exchange each, translated and with a credential."""

import json
from collections.abc import Iterator

import pytest

from tests.dataplane.envoy import eventually
from tests.dataplane.upstream import Upstream, answering
from tests.foreign import mesh
from tests.foreign.scene import KEY, Foreign, Shape, beside, followed, static
from tests.foreign.test_portable import ANSWER, MESSAGE

pytestmark = pytest.mark.envoy
LAB, CLAUDE, OWNER = Upstream(body=ANSWER), Upstream(body=MESSAGE), Upstream(body=b"the owner's")


def owners() -> int:
    return OWNER.port


SHAPES: dict[str, Shape] = {
    "whole, static": static("whole"),
    "whole, followed": followed("whole"),
    "portable, followed": followed("portable"),
    "istio": mesh.istio(owners),
    "envoy-gateway": mesh.envoy_gateway(owners),
}
GUESTS = ("istio", "envoy-gateway")


def config() -> str:
    return f"""
providers:
  lab: {{dialect: openai, base_url: "http://127.0.0.1:{LAB.port}/v1", credential: "${{LAB_KEY}}", models: [m]}}
  claude:
    dialect: anthropic
    base_url: http://127.0.0.1:{CLAUDE.port}
    credential: {{file: key}}
    models: [claude-sonnet-4-5]
  gone: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", models: [g]}}
services:
  lab-as-a-service: {{endpoints: ["http://127.0.0.1:{LAB.port}"]}}
routes:
  - {{match: {{path: /plain/*}}, service: lab-as-a-service, when_down: pass}}
  - {{match: {{path: /v1/*}}}}
"""


@pytest.fixture(scope="module", params=SHAPES)
def foreign(request: pytest.FixtureRequest) -> Iterator[tuple[str, Foreign]]:
    with answering(LAB, CLAUDE, OWNER), beside(config(), SHAPES[request.param]) as running:
        yield request.param, running


def test_one_exchange_is_translated_and_one_is_not(foreign: tuple[str, Foreign]) -> None:
    shape, running = foreign
    LAB.asked.clear()
    CLAUDE.asked.clear()
    plain, translated = running.chat("m"), running.chat("claude-sonnet-4-5")
    assert (plain.status_code, plain.content) == (200, ANSWER), shape
    assert translated.json()["choices"][0]["message"]["content"] == "bonjour", shape
    assert LAB.asked[0][2]["authorization"] == f"Bearer {KEY}"
    assert CLAUDE.asked[0][2]["x-api-key"] == "canary-of-a-file"
    for answer, target in ((plain, "lab/m"), (translated, "claude/claude-sonnet-4-5")):
        assert (answer.headers["x-extproc-target"], answer.headers["x-extproc-attempts"]) == (target, "1")
        line = running.decision(answer.headers["x-extproc-request-id"])
        assert (line["target"], line["usage"]["output"] > 0) == (target, True)


def test_what_nobody_serves_is_json(foreign: tuple[str, Foreign]) -> None:
    """Envoy's own words too: of a provider that nobody reaches."""
    _, running = foreign
    assert running.chat("nobody").json()["error"]["code"] == "model_not_found"
    unreached = running.chat("g")
    assert (unreached.status_code, unreached.json()["error"]["code"]) == (503, "no_target_available")


def test_services_are_proxied(foreign: tuple[str, Foreign]) -> None:
    _, running = foreign
    LAB.asked.clear()
    answer = running.ask("GET", "/plain/x", {"x-extproc-team": "red"})
    assert (answer.status_code, LAB.asked[0][1]) == (200, "/plain/x")
    assert "x-extproc-team" not in LAB.asked[0][2]


def test_a_large_body_is_read(foreign: tuple[str, Foreign]) -> None:
    """The owner's listener takes 32 KiB."""
    _, running = foreign
    LAB.asked.clear()
    assert running.chat("m", padding="x" * 2_000_000).status_code == 200
    assert len(LAB.asked[0][3]) > 2_000_000


def test_the_owners_routes_are_as_before(foreign: tuple[str, Foreign]) -> None:
    shape, running = foreign
    if shape not in GUESTS:
        assert running.ask("GET", "/owner").json()["error"]["code"] == "route_not_found"
        return
    OWNER.asked.clear()
    answer = running.ask("GET", "/owner", {"x-extproc-team": "red", "authorization": "Bearer mine"})
    assert (answer.status_code, answer.content) == (200, b"the owner's")
    assert [name for name in answer.headers if name.startswith("x-extproc-")] == []
    assert OWNER.asked[0][2]["authorization"] == "Bearer mine"


def test_without_a_processor_nothing_goes_to_a_provider() -> None:
    """Refused as JSON; what may pass passes; the owner's routes do not notice."""
    for shape in ("portable, followed", *GUESTS):
        with answering(LAB, CLAUDE, OWNER), beside(config(), SHAPES[shape]) as running:
            running.processor.kill()
            running.processor.wait(10)
            LAB.asked.clear()
            refused = running.chat("m")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "processor_unavailable"), shape
            assert LAB.asked == []
            assert running.ask("GET", "/plain/x").status_code == 200, shape
            if shape in GUESTS:
                assert running.ask("GET", "/owner").content == b"the owner's"


def test_manifests_name_what_they_are_for() -> None:
    """JSON by way of YAML, and nothing of it is a secret."""
    assert json.dumps(KEY)


def test_a_key_in_a_file_rotates_where_envoy_follows_it(foreign: tuple[str, Foreign]) -> None:
    """Moved into its place, as a mounted secret changes; the last test of a shape."""
    shape, running = foreign
    if "static" in shape:
        pytest.skip("what stands in the bootstrap itself is read once")
    key = running.scene.directory / "key"
    new = key.with_name(".key.new")
    new.write_text("another-key-of-a-file")
    new.replace(key)

    def shown() -> bool:
        CLAUDE.asked.clear()
        assert running.chat("claude-sonnet-4-5").status_code == 200
        return CLAUDE.asked[0][2]["x-api-key"] == "another-key-of-a-file"

    assert eventually(shown, within=15)
