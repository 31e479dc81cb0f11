"""llm, told of the gateway as its users tell it: a model in extra-openai-models.yaml, its command line, its Python."""

import os
import pathlib
import subprocess
import sys
import tempfile

from client import BASE_URL, KEY, MODEL

home = pathlib.Path(tempfile.mkdtemp(prefix="llm-"))
os.environ["LLM_USER_PATH"] = str(home)
(home / "extra-openai-models.yaml").write_text(
    f"- model_id: through-the-gateway\n  model_name: {MODEL}\n  api_base: {BASE_URL}\n"
    "  supports_tools: true\n  supports_schema: true\n  api_key_name: gateway\n"
)
(home / "keys.json").write_text(f'{{"gateway": "{KEY}"}}')

for flags in ((), ("--no-stream",)):
    command = [sys.executable, "-m", "llm", "-m", "through-the-gateway", "--no-log", *flags, "hello"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.strip() == "You said: hello", done

import llm  # noqa: E402


def forecast(city: str) -> str:
    """Tells the weather."""
    return f"rain in {city}"


model = llm.get_model("through-the-gateway")
assert model.prompt("hello", stream=False).text() == "You said: hello"
assert "rain in" in model.chain("how is the weather?", tools=[forecast], stream=False).text()
assert "rain in" in model.chain("how is the weather?", tools=[forecast]).text()
