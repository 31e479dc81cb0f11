"""OpenAI dialect to Ollama's own API: chat. What goes there is in `request`, what comes back in `answer`.

Law: the pair holds nothing. The address is /api/chat, also where the configured one ends with the /v1 of Ollama's
OpenAI-shaped endpoints, to which everything but chat goes.
"""

from extproc.refusal import Refusal
from extproc.translation.chat_asked import chat_asked, written
from extproc.translation.openai_ollama.answer import OllamaStream, answer_of
from extproc.translation.openai_ollama.request import OllamaRequest, untakeable
from extproc.translation.pair import AlwaysTranslates, Answer, AnswerStream, Call, Destination, TranslatedRequest


class OpenAIToOllama(AlwaysTranslates):
    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        chat = chat_asked(call)
        if isinstance(chat, Refusal):
            return chat
        refusal = untakeable(chat)
        if refusal is not None:
            return refusal
        said = OllamaRequest(chat, call, to)
        body = written(said.body)
        if isinstance(body, Refusal):
            return body
        path = f"{to.provider.path_prefix.removesuffix('/v1')}/api/chat"
        headers = (("content-type", "application/json"),)
        return TranslatedRequest("POST", path, headers, body, tuple(sorted(said.lost)))

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        return answer_of(call, to, answer)

    def stream(self, call: Call, to: Destination) -> AnswerStream:
        return OllamaStream(call, to)
