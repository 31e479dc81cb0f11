"""A Dockerfile read into its instructions, as far as ours needs it: continuations, comments, exec forms, stages."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

INSTRUCTIONS = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM"} | {
    "HEALTHCHECK",
    *("LABEL", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    text: str
    stage: int  # -1 before the first FROM

    @property
    def exec_form(self) -> list[str]:
        """The JSON array at its end."""
        return [str(word) for word in json.loads(self.text[self.text.index("[") :])]

    @property
    def words(self) -> list[str]:
        return [word for word in self.text.split() if not word.startswith("--")]


def instructions(path: Path) -> list[Instruction]:
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    found, stage = [], -1
    for line in whole:
        name, _, text = line.partition(" ")
        assert name in INSTRUCTIONS, f"no instruction: {line}"
        stage += name == "FROM"
        found.append(Instruction(name, text.strip(), stage))
    return found
