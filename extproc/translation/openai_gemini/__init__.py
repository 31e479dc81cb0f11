"""OpenAI dialect to Gemini, on AI Studio and on Vertex AI: chat. What goes there is in `request`, what comes back in
`answer` and `stream`.

Law: AI Studio is always asked by v1beta, where it refuses no model and no tool; Vertex AI by v1, at the provider's
project and region. A model is one segment of the path, whatever collection its name was written with.
"""

import re
from typing import Final

from extproc.dialects.path_segment import segment
from extproc.refusal import Reason, Refusal
from extproc.translation.chat_asked import chat_asked, lost_at_once, written
from extproc.translation.openai_gemini.answer import gemini_answer
from extproc.translation.openai_gemini.request import gemini_request
from extproc.translation.openai_gemini.stream import GeminiStream
from extproc.translation.pair import AlwaysTranslates, Answer, AnswerStream, Call, Destination, TranslatedRequest

_WHOLE: Final = "generateContent"
_STREAMED: Final = "streamGenerateContent?alt=sse"
_COLLECTION: Final = re.compile(r"(?:publishers/google/models/|models/|google/)")
_TUNED: Final = {"gemini": "tunedModels", "vertex": "endpoints"}  # models of the customer's own


class OpenAIToGemini(AlwaysTranslates):
    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        chat = chat_asked(call)
        if isinstance(chat, Refusal):
            return chat
        path = path_of(to, call.stream)
        if isinstance(path, Refusal):
            return path
        made = gemini_request(chat, call, to)
        if isinstance(made, Refusal):
            return made
        body = written(made.body)
        if isinstance(body, Refusal):
            return body
        lost = made.lost | lost_at_once(chat, to)
        headers = (
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if call.stream else "application/json"),
        )
        return TranslatedRequest("POST", path, headers, body, tuple(sorted(lost)))

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        return gemini_answer(call, to, answer)

    def stream(self, call: Call, to: Destination) -> AnswerStream:
        return GeminiStream(call, to)


def path_of(to: Destination, stream: bool) -> str | Refusal:
    """With the query."""
    provider = to.provider
    model = _COLLECTION.sub("", to.model, count=1) if _COLLECTION.match(to.model) else to.model
    collection, _, tuned = model.partition("/")
    own = collection == _TUNED[provider.dialect] if provider.dialect in _TUNED else False
    name = segment(tuned if own else model, safe="@")
    if name is None:
        return Refusal(
            Reason.INVALID_REQUEST,
            f"The model of `{provider.name}` cannot be a part of a path: write it as gemini-2.5-flash"
            f" or {_TUNED.get(provider.dialect, 'models')}/NAME.",
            param="model",
        )
    if provider.dialect != "vertex":
        start = f"/v1beta/{collection if own else 'models'}"
    elif provider.project is None or provider.region is None:
        return Refusal(Reason.INVALID_REQUEST, f"The provider `{provider.name}` has no `project` or no `region`.")
    else:
        place = f"/v1/projects/{provider.project}/locations/{provider.region}"
        start = f"{place}/{collection if own else 'publishers/google/models'}"
    return f"{provider.path_prefix}{start}/{name}:{_STREAMED if stream else _WHOLE}"
