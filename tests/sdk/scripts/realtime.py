"""Realtime by the client library: arguments are the base URL, the gateway's key and where `websockets` lies."""

import sys

base, key, websockets = sys.argv[1:4]
sys.path.append(websockets)  # the library needs it for this, and brings it along only when asked to

from openai import OpenAI  # noqa: E402

client = OpenAI(base_url=base, api_key=key, max_retries=0)
with client.realtime.connect(model="voice") as connection:
    connection.send({"type": "session.update", "event_id": "e-1", "session": {"type": "realtime"}})
    told = connection.recv()
    assert told.type == "session.update" and told.event_id == "e-1", told
with client.realtime.connect(extra_query={"provider": "lab", "call_id": "7"}) as connection:
    connection.send({"type": "response.cancel", "event_id": "e-2"})
    assert connection.recv().event_id == "e-2"
