"""OpenAI dialect to Cohere v2: chat. What goes there is in `request`, what comes back in `answer`.

Law: the pair holds nothing. The address is /v2/chat, whatever version the configured one ends with.
"""

from typing import Final

from extproc.refusal import Refusal
from extproc.translation.chat_asked import chat_asked, said_in, written
from extproc.translation.openai_cohere.answer import CohereStream, answer_of
from extproc.translation.openai_cohere.request import CohereRequest, untakeable
from extproc.translation.pair import AlwaysTranslates, Answer, AnswerStream, Call, Destination, TranslatedRequest

_VERSIONS: Final = ("/v1", "/v2")


class OpenAIToCohere(AlwaysTranslates):
    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        chat = chat_asked(call)
        if isinstance(chat, Refusal):
            return chat
        refusal = untakeable(chat)
        if refusal is not None:
            return refusal
        talk = said_in(chat)
        if isinstance(talk, Refusal):
            return talk
        said = CohereRequest(chat, talk, call, to)
        body = written(said.body)
        if isinstance(body, Refusal):
            return body
        prefix = to.provider.path_prefix
        for version in _VERSIONS:
            prefix = prefix.removesuffix(version)
        headers = (("content-type", "application/json"),)
        return TranslatedRequest("POST", f"{prefix}/v2/chat", headers, body, tuple(sorted(said.lost)))

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        return answer_of(call, to, answer)

    def stream(self, call: Call, to: Destination) -> AnswerStream:
        return CohereStream(call, to)
