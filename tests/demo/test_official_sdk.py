"""The provider of Anthropic's dialect before the official SDK, which knows nothing of the demo."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from extproc.demo.catalog import INSTANT, SAGE
from tests.demo.running import on_tcp
from tests.envoy.gateway import environment
from tests.sdk.environments import VENDORS

SCRIPT = Path(__file__).parent / "scripts" / "anthropic_sdk.py"


@pytest.mark.sdk
@pytest.mark.skipif(VENDORS.why_missing() is not None, reason=str(VENDORS.why_missing()))
def test_the_official_sdk_reads_it_as_the_real_api() -> None:
    clean = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    with on_tcp(dataclasses.replace(SAGE, speed=INSTANT)) as origin:
        command = [str(VENDORS.python), str(SCRIPT), origin, SAGE.key]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=clean, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
