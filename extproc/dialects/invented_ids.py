"""Ids of tool calls for providers that give none.

Law: the same exchange, choice and place give the same id, whenever and wherever it is made; those of two exchanges
differ, so that a conversation never holds one id twice.
"""

import hashlib


def invented_id(exchange_id: str, place: int, choice: int = 0) -> str:
    told = f"{exchange_id}/{choice}/{place}".encode("utf-8", "surrogatepass")
    return f"call_{hashlib.sha256(told).hexdigest()[:24]}"
