"""What pairs call the losses that more than one of them has.

Law: a name is the path in the caller's own request, without places: `messages.name`, never `messages[3].name`. Its
first word is a member of the request, by which losses are counted.
"""

from typing import Final

ARGUMENTS: Final = "messages.tool_calls.function.arguments"  # they were no JSON object
CONTENT: Final = "messages.content"  # of a kind that a turn of its role cannot hold there
DETAIL: Final = "messages.image_url.detail"
NAME: Final = "messages.name"
PREFILL: Final = "messages.prefill"  # the assistant's last words, which the model does not continue
STRICT: Final = "tools.function.strict"
EFFORT: Final = "reasoning_effort"  # a budget, too, however it was written
