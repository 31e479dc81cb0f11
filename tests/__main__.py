"""Every check and every test, in one go: what `make test` runs. `python -m tests [arguments of pytest]`.

Law: everything runs even when something before it failed, the exit code says whether anything did, what was skipped is
listed with its reason, and the last line is pytest's own sum.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.sdk.environments import set_up_all

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
    ("import contracts", ("lint-imports", "--no-cache")),
)
_SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] (\S+): (.*)$")
_SUM = re.compile(
    r"^(=+ )?(\d+ (passed|failed|error|skipped|deselected|xfailed|xpassed|warning)|no tests ran).* in [\d.]+s"
)


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    failed = [name for name, command in CHECKS if not _check(name, command)]
    set_up_all(_say)
    code, skipped, total = _pytest(arguments)
    if skipped:
        _say("\nskipped, and why:")
        for line in skipped:
            _say(f"  {line}")
    checks = f"{', '.join(failed)} FAILED" if failed else "all passed"
    _say(f"\nchecks: {checks}; {time.monotonic() - began:.0f} s in all")
    _say(total)
    return 1 if failed or code else 0


def _check(name: str, command: tuple[str, ...]) -> bool:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    _say(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}")
    if done.returncode:
        _say(done.stdout)
    return done.returncode == 0


def _pytest(arguments: list[str]) -> tuple[int, list[str], str]:
    """Its exit code, what it skipped, and its last line, while everything it says passes through."""
    command = [sys.executable, "-m", "pytest", "--durations=10", *arguments]
    skipped, total = [], "0 passed, 0 failed, 0 skipped"
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        assert running.stdout is not None
        # By characters and not by lines, so that the dots are seen as they come.
        line = ""
        while character := running.stdout.read(1):
            sys.stdout.write(character)
            if character != "\n":
                line += character
                sys.stdout.flush()
                continue
            if found := _SKIPPED.match(line):
                skipped.append(f"{found[1]} × {found[2]}: {found[3]}")
            if _SUM.match(line):
                total = line.strip("= ")
            line = ""
    return running.returncode, skipped, total


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
