"""POST /v1/moderations: flags a handful of words, so that both outcomes can be seen.

Law: a word list, not a judgement; every category is always present.
"""

from typing import Any, Final

import msgspec

from extproc.demo.asked import decoded
from extproc.demo.pace import whole
from extproc.demo.reply import Reply, encode
from extproc.demo.request import Order

CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_CATEGORY_BY_WORD: Final = {
    "kill": "violence",
    "murder": "violence",
    "idiot": "harassment",
    "hate": "hate",
    "explosives": "illicit",
}


class ModerationsRequest(msgspec.Struct):
    input: str | list[str | dict[str, Any]]


def moderations(order: Order) -> Reply:
    request = decoded(order.body, ModerationsRequest)
    body = {
        "id": f"modr-{order.id}",
        "model": order.model.name,
        "results": [_result(text) for text in _texts(request.input)],
    }
    return whole(encode(body), 0, order.provider.speed)


def _texts(given: str | list[str | dict[str, Any]]) -> list[str]:
    """Strings are judged one by one; parts are one message together."""
    if isinstance(given, str):
        return [given]
    strings = [each for each in given if isinstance(each, str)]
    parts = [str(each.get("text", "")) for each in given if isinstance(each, dict)]
    return [*strings, " ".join(parts)] if parts else strings


def _result(text: str) -> dict[str, Any]:
    words = {word.strip(".,;:!?\"'").lower() for word in text.split()}
    found = {category for word, category in _CATEGORY_BY_WORD.items() if word in words}
    return {
        "flagged": bool(found),
        "categories": {name: name in found for name in CATEGORIES},
        "category_scores": {name: 0.98 if name in found else 0.01 for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] if name in found else [] for name in CATEGORIES},
    }
