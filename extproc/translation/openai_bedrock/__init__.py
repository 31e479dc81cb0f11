"""OpenAI dialect to AWS Bedrock: chat, by Converse and ConverseStream, for the models of every vendor there.

Law: the pair holds nothing. What goes there is in `request`, what comes back whole in `answer` and in pieces in
`stream`. A model that cannot stream while it has tools is asked for a whole answer, which its caller gets as a stream.
"""

from extproc.refusal import Refusal
from extproc.translation.openai_bedrock.answer import answer_of
from extproc.translation.openai_bedrock.request import converse_request
from extproc.translation.openai_bedrock.stream import ConverseStream
from extproc.translation.pair import AlwaysTranslates, Answer, AnswerStream, Call, Destination, TranslatedRequest


class OpenAIToBedrock(AlwaysTranslates):
    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        return converse_request(call, to)

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        return answer_of(call, to, answer)

    def stream(self, call: Call, to: Destination) -> AnswerStream:
        return ConverseStream(call, to)
