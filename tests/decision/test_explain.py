"""A decision as a document."""

import json

from extproc.decision.explain import Explanation
from extproc.facts.request import Facts
from tests.decision.samples import decided, facts, plan_of, provider, snapshot

CONFIG = snapshot(provider("alpha", "m"), provider("beta", "m"), max_attempts=1)


def explained(asked: Facts, model: str, headers: dict[str, str] | None = None) -> dict[str, object]:
    return Explanation(asked, decided(CONFIG, model), headers or {}).document()


def test_a_plan_is_explained_with_every_candidate() -> None:
    document = explained(facts("m", needs=frozenset({"vision", "tools"}), models=("m",)), "m")
    assert json.loads(json.dumps(document)) == document
    assert document["plan"] == plan_of(decided(CONFIG, "m")) == ["alpha/m"]
    assert document["refusal"] is None
    assert document["candidates"] == [
        {"target": "alpha/m", "kept": True, "reason": "ordered: first of 2 that serve m", "score": 1.0},
        {
            "target": "beta/m",
            "kept": False,
            "reason": "ordered: second of 2 that serve m; behind the 1 that max_attempts allows",
            "score": 2.0,
        },
    ]
    told = document["facts"]
    assert isinstance(told, dict)
    assert told["needs"] == ["tools", "vision"]
    assert told["caller"]["models"] == ["m"]


def test_a_refusal_is_explained_with_status_code_and_message() -> None:
    document = explained(facts("x"), "x")
    assert document["plan"] == []
    refusal = document["refusal"]
    assert isinstance(refusal, dict)
    assert (refusal["status"], refusal["code"]) == (404, "model_not_found")


def test_headers_that_carry_secrets_are_only_named() -> None:
    sent = {"authorization": "Bearer sk-1", "api-key": "sk-2", "cookie": "c", "content-type": "application/json"}
    explanation = Explanation(facts("m"), decided(CONFIG, "m"), sent)
    assert explanation.document()["headers"] == {
        "authorization": "***",
        "api-key": "***",
        "cookie": "***",
        "content-type": "application/json",
    }
    assert "sk-" not in repr(explanation)
