"""The OpenAI client, answered by an Azure deployment: the caller need not know."""

from client import HELLO, client

answer = client().chat.completions.create(model="az", messages=HELLO)
assert answer.choices[0].message.content == "azure speaking"
