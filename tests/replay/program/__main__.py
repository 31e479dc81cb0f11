"""Reads one JSON question a line, writes what an SDK read of the answer, one JSON object a line."""

import json
import sys
import warnings
from typing import Any

import natively
import through_openai


def answer(question: dict[str, Any]) -> dict[str, Any]:
    reader = through_openai if question["sdk"] == "openai" else natively
    try:
        return reader.read(question)
    except Exception as error:
        return {"unreadable": f"{type(error).__name__}: {error}"[:300]}


def main() -> None:
    warnings.simplefilter("ignore")
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever an SDK prints is no answer
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


main()
