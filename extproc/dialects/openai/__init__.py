"""The OpenAI dialect: where model, stream flag, usage and errors stand, and how answers of ours look in it."""
