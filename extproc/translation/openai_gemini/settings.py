"""A chat's settings as Gemini's `generationConfig`.

Law: what a model refuses is not said to it. Numbers out of Gemini's range are brought into it where that says the same
(a cap above the model's own, a long seed), and named as a loss where it does not.
"""

from typing import Any, Final

import msgspec

from extproc.dialects.gemini import MOST_CHOICES, MOST_STOPS, MOST_TOP_LOGPROBS
from extproc.dialects.json_schema import for_gemini
from extproc.dialects.model_families import Traits
from extproc.dialects.openai.chat import AnswerFormat, Chat, Image
from extproc.translation import loss_names
from extproc.translation.openai_gemini.extras import Extras
from extproc.translation.openai_gemini.thinking import thinking_config

_SEEDS: Final = 2**31
# OpenAI's voices; Gemini has others, under other names.
_OPENAIS_VOICES: Final = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"}
)
_RESOLUTIONS: Final = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}

Config = dict[str, Any]


class GeminiSettings:
    """What could not be said stands in `lost`, and `told` has words for some of it."""

    def __init__(self, chat: Chat, known: Traits, extras: Extras, stream: bool) -> None:
        self.lost: set[str] = set()
        self.told: str | None = None  # in the instructions, where no field says it
        self._chat = chat
        self._known = known
        self.config: Config = {
            **self._sampling(),
            **self._bounds(),
            **self._choices(stream),
            **self._format(),
            **self._modalities(extras, stream),
            **self._resolution(),
        }
        thinking = thinking_config(chat, known, extras.thinking, self.lost)
        if thinking is not None:
            self.config["thinkingConfig"] = thinking

    def _sampling(self) -> Config:
        chat = self._chat
        if not self._known.sampling:
            return {}
        said: Config = {}
        if chat.temperature is not None:
            said["temperature"] = min(max(chat.temperature, 0), 2)
        if chat.top_p is not None:
            said["topP"] = min(max(chat.top_p, 0), 1)
        if chat.top_k is not None:
            said["topK"] = chat.top_k
        if self._known.penalties and chat.frequency_penalty:
            said["frequencyPenalty"] = chat.frequency_penalty
        if self._known.penalties and chat.presence_penalty:
            said["presencePenalty"] = chat.presence_penalty
        return said

    def _bounds(self) -> Config:
        chat = self._chat
        said: Config = {}
        if chat.max_tokens is not None:
            said["maxOutputTokens"] = min(chat.max_tokens, self._known.max_output or chat.max_tokens)
        if chat.stop:
            said["stopSequences"] = list(chat.stop[:MOST_STOPS])
            if len(chat.stop) > MOST_STOPS:
                self.lost.add("stop")
        if chat.seed is not None:
            said["seed"] = chat.seed % _SEEDS
        return said

    def _choices(self, stream: bool) -> Config:
        chat = self._chat
        said: Config = {}
        if chat.n > 1:
            if not stream:
                said["candidateCount"] = min(chat.n, MOST_CHOICES)
            if stream or chat.n > MOST_CHOICES:
                self.lost.add("n")
        if chat.logprobs:
            said["responseLogprobs"] = True
            if chat.top_logprobs is not None:
                said["logprobs"] = min(chat.top_logprobs, MOST_TOP_LOGPROBS)
        elif chat.top_logprobs is not None:
            self.lost.add("top_logprobs")
        return said

    def _format(self) -> Config:
        """Before Gemini 3, whose calls are signed, an answer has a form or tools, not both."""
        form = self._chat.format
        if form is None or form.kind == "text":
            return {}
        if not self._known.native_json_schema or (self.has_tools and not self._known.signs_calls):
            self.lost.add("response_format")
            self.told = _in_words(form)
            return {}
        said: Config = {"responseMimeType": "application/json"}
        if form.schema:
            made = for_gemini(form.schema)
            said["responseJsonSchema"] = made.schema
            self.lost |= {f"response_format.json_schema.{keyword}" for keyword in made.moved}
        return said

    @property
    def has_tools(self) -> bool:
        """Whether tools are offered for use; where none may be called, the answer's form is worth more."""
        chat = self._chat
        forbidden = chat.choice is not None and chat.choice.kind == "none"
        return bool(chat.tools) and not (forbidden and chat.format is not None and chat.format.kind != "text")

    def _modalities(self, extras: Extras, stream: bool) -> Config:
        if self._known.speaks:
            return self._speech(extras, stream)
        asked = set(extras.modalities)
        if "audio" in asked:
            self.lost |= {"modalities"} | ({"audio"} if extras.voice is not None else set())
        if "image" in asked and self._known.draws:
            return {"responseModalities": ["TEXT", "IMAGE"] if "text" in asked else ["IMAGE"]}
        if "image" in asked:
            self.lost.add("modalities")
        return {}

    def _speech(self, extras: Extras, stream: bool) -> Config:
        """These models say everything aloud, and nothing else."""
        if extras.audio_format not in (None, "pcm16") and (stream or extras.audio_format != "wav"):
            self.lost.add("audio.format")
        if "image" in extras.modalities:
            self.lost.add("modalities")
        said: Config = {"responseModalities": ["AUDIO"]}
        if extras.voice is None:
            return said
        if extras.voice.lower() in _OPENAIS_VOICES:
            self.lost.add("audio.voice")
            return said
        return {**said, "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": extras.voice}}}}

    def _resolution(self) -> Config:
        """One word for the whole request: that of all images, if they agree."""
        images = [part for turn in self._chat.turns for part in turn.parts if isinstance(part, Image)]
        details = {image.detail if image.detail in _RESOLUTIONS else None for image in images}
        if details <= {None}:
            return {}
        detail = details.pop() if len(details) == 1 else None
        if detail is None or self._known.draws:
            self.lost.add(loss_names.DETAIL)
            return {}
        return {"mediaResolution": _RESOLUTIONS[detail]}


def _in_words(form: AnswerFormat) -> str:
    told = "Your final answer is one JSON object and nothing else."
    if form.schema is None:
        return told
    schema = msgspec.json.encode(form.schema).decode()
    return f"{told} It fits this JSON Schema: {schema}"
