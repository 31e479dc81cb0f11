"""Programs that others built on OpenAI's SDK, and the SDK itself, in front of providers of every other dialect."""

from collections.abc import Iterator

import pytest

from tests.sdk.environments import FRIENDS, Environment
from tests.sdk.test_openai import run
from tests.sdk.translated import DIALECTS, Translating, translating

PROGRAMS = ("langchain", "instructor", "llm", "agents")
NO_FORCING = {"ollama"}  # its API cannot be told that a tool must be called
# The programs run on the three formats that differ most from OpenAI's, and on its own; the SDK itself runs on all.
APART = [name for name in DIALECTS if name in ("openai", "anthropic", "bedrock", "gemini")]


@pytest.fixture(scope="module")
def translated() -> Iterator[Translating]:
    with translating() as stage:
        yield stage


@pytest.mark.envoy
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_sdk_sees_no_other_dialect(translated: Translating, generation: Environment, dialect: str) -> None:
    more = ("cannot-force",) if dialect in NO_FORCING else ()
    run(generation, "translated", f"{translated.gateway.url}/v1", "no-key", dialect, *more)


@pytest.mark.envoy
@pytest.mark.skipif(FRIENDS.why_missing() is not None, reason=str(FRIENDS.why_missing()))
@pytest.mark.parametrize("dialect", APART)
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_of_others_work_unchanged(translated: Translating, program: str, dialect: str) -> None:
    run(FRIENDS, f"friend_{program}", f"{translated.gateway.url}/v1", "no-key", dialect)
