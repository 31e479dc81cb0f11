"""Reads answers of generateContent, of AI Studio and of Vertex."""

from typing import Any

from reading import refused, said

GEMINI_FINISHES = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "OTHER": "error",
}


def gemini(url: str, model: str, stream: bool) -> dict[str, Any]:
    from google import genai
    from google.genai import errors

    client = genai.Client(api_key="none", http_options={"base_url": url, "api_version": "v1beta"})
    try:
        if stream:
            answers = list(client.models.generate_content_stream(model=model, contents="hello"))
        else:
            answers = [client.models.generate_content(model=model, contents="hello")]
    except errors.APIError as error:
        return refused(error.code)
    text, thought, calls, finish, usage = "", "", [], None, None
    for answer in answers:
        usage = answer.usage_metadata or usage
        candidate = answer.candidates[0] if answer.candidates else None
        if candidate is None:
            blocked = answer.prompt_feedback is not None and answer.prompt_feedback.block_reason
            finish = "content_filter" if blocked else finish
            continue
        if candidate.finish_reason is not None:
            finish = GEMINI_FINISHES.get(candidate.finish_reason.value, "content_filter")
        for part in (candidate.content and candidate.content.parts) or []:
            if part.function_call is not None:
                calls.append((part.function_call.name or "", part.function_call.args))
            elif part.thought:
                thought += part.text or ""
            else:
                text += part.text or ""
    if usage is None:
        return said(text, calls, finish, thought=thought)
    return said(
        text,
        calls,
        finish,
        prompt=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        completion=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        cached=usage.cached_content_token_count,
        reasoning=usage.thoughts_token_count,
        thought=thought,
    )
