"""Bedrock and Vertex AI from the environment: they need a place beside a credential.

Law: as in found.py. A provider that could not answer is not made; a note says what is missing.
"""

from collections.abc import Mapping
from typing import Any

_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")


def bedrock(is_set: Mapping[str, str], notes: list[str]) -> dict[str, Any] | None:
    """By a Bedrock API key, else by AWS keys, as AWS's own SDKs do."""
    if "AWS_BEARER_TOKEN_BEDROCK" in is_set:
        seen: str = "AWS_BEARER_TOKEN_BEDROCK"
        credential: Any = is_set[seen]
    elif "AWS_ACCESS_KEY_ID" in is_set:
        seen = "AWS_ACCESS_KEY_ID"
        if "AWS_SECRET_ACCESS_KEY" not in is_set:
            notes.append(f"{seen} is seen, not used: AWS_SECRET_ACCESS_KEY is not set")
            return None
        credential = {"access_key_id": is_set[seen], "secret_access_key": is_set["AWS_SECRET_ACCESS_KEY"]}
        if "AWS_SESSION_TOKEN" in is_set:
            credential["session_token"] = is_set["AWS_SESSION_TOKEN"]
    else:
        return None
    region = next((is_set[name] for name in _REGION if name in is_set), None)
    if region is None:
        notes.append(f"{seen} is seen, not used: AWS_REGION is not set")
        return None
    return {"dialect": "bedrock", "region": region, "credential": credential}


def vertex(is_set: Mapping[str, str], notes: list[str]) -> dict[str, Any] | None:
    """By the access token that gcloud takes from the environment: tokens are not made here."""
    if "CLOUDSDK_AUTH_ACCESS_TOKEN" not in is_set:
        if "GOOGLE_APPLICATION_CREDENTIALS" in is_set:
            notes.append(
                "GOOGLE_APPLICATION_CREDENTIALS is seen, not used: tokens of Google's own accounts have not landed; "
                "give vertex a token in CLOUDSDK_AUTH_ACCESS_TOKEN, or {file: TOKEN} in a configuration"
            )
        return None
    missing = [name for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION") if name not in is_set]
    if missing:
        notes.append(f"CLOUDSDK_AUTH_ACCESS_TOKEN is seen, not used: {' and '.join(missing)} not set")
        return None
    return {
        "dialect": "vertex",
        "project": is_set["GOOGLE_CLOUD_PROJECT"],
        "region": is_set["GOOGLE_CLOUD_LOCATION"],
        "credential": is_set["CLOUDSDK_AUTH_ACCESS_TOKEN"],
    }
