"""OpenAI dialect to Mistral: chat. What goes there is in `request`, what comes back in `answer`.

Law: the pair holds nothing; the address is the caller's path of chat completions, without its query.
"""

from extproc.refusal import Refusal
from extproc.translation.chat_asked import chat_asked, said_in, written
from extproc.translation.openai_mistral.answer import MistralStream, answer_of
from extproc.translation.openai_mistral.request import MistralRequest
from extproc.translation.pair import AlwaysTranslates, Answer, AnswerStream, Call, Destination, TranslatedRequest


class OpenAIToMistral(AlwaysTranslates):
    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        chat = chat_asked(call)
        if isinstance(chat, Refusal):
            return chat
        talk = said_in(chat)
        if isinstance(talk, Refusal):
            return talk
        said = MistralRequest(chat, talk, call, to)
        body = written(said.body)
        if isinstance(body, Refusal):
            return body
        provider = to.provider
        path = f"{provider.path_prefix}{'' if provider.versioned else '/v1'}/chat/completions"
        headers = (("content-type", "application/json"),)
        return TranslatedRequest("POST", path, headers, body, tuple(sorted(said.lost)))

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        return answer_of(call, to, answer)

    def stream(self, call: Call, to: Destination) -> AnswerStream:
        return MistralStream(call, to)
