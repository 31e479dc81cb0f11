"""What a machine without containers needs: a unit that systemd takes, and a rotation of logs that loses no line."""

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.envoy.demo import CHAT, Demo, body, demo
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.layout.tools import ROOT, of_debian, on_path, understood_by, with_libraries_of_debian

UNIT = ROOT / "packaging" / "extproc.service"
ROTATION = ROOT / "packaging" / "extproc.logrotate"
LOG = "/var/log/extproc/access.log"
WORST_EXPOSURE = 2.0  # of 10, as systemd reckons it; a service that takes no care has 9.6


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if match := re.match(r"^(\w+)=(.*)$", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def the(name: str) -> str:
    (value,) = settings()[name]
    return value


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    analyze = tmp_path / UNIT.name
    analyze.write_text(UNIT.read_text().replace("/opt/extproc/bin/extproc", "/bin/true"))
    return analyze


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    program = on_path("systemd-analyze", "nothing verifies the unit")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def test_systemd_takes_the_unit_without_a_warning(unit: Path) -> None:
    done = analyzed("verify", "--man=no", str(unit))
    about_ours = [line for line in (done.stdout + done.stderr).splitlines() if UNIT.name in line]
    assert done.returncode == 0 and about_ours == [], done.stderr


def test_systemd_says_that_it_is_well_shut_in(unit: Path) -> None:
    done = analyzed("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd cannot reckon offline: {done.stderr[:200]}")
    assert float(found[1]) <= WORST_EXPOSURE, done.stdout


def test_envoys_lua_may_be_compiled() -> None:
    assert "MemoryDenyWriteExecute" not in settings()


def test_its_command_is_one_that_the_gateway_understands() -> None:
    _, verb, *words = the("ExecStart").split()
    understood_by(verb, words)
    drain = int(words[words.index("--drain") + 1].removesuffix("s"))
    assert int(the("TimeoutStopSec").removesuffix("s")) >= drain + 10
    assert words[words.index("--access-log") + 1] == LOG
    assert LOG.split("/")[3] == the("LogsDirectory")


def test_only_the_gateway_is_told_to_end() -> None:
    """Else Envoy and the processors would get SIGTERM at the same time, and nothing could drain."""
    assert the("KillMode") == "mixed" and the("Type") == "notify"


# --- rotation ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def lab() -> Iterator[Demo]:
    with demo("lab") as made:
        yield made


class Asking:
    """A steady load, counted."""

    def __init__(self, gateway: Gateway) -> None:
        self.asked = 0
        self._url, self._stop = gateway.url, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=20) as client:
            while not self._stop.is_set():
                assert client.post(CHAT, json=body("lab/m")).status_code == 200
                self.asked += 1

    def stop(self) -> int:
        self._stop.set()
        self._thread.join(30)
        return self.asked


def test_logrotate_rotates_under_traffic_and_no_line_is_lost(lab: Demo, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    program = of_debian("logrotate")
    with running({"providers": {"lab": lab.configured()}}, "--access-log", str(log)) as gateway:
        assert gateway.process is not None
        text = ROTATION.read_text().replace(LOG, str(log)).replace("su extproc extproc", "")
        text = re.sub(r"systemctl kill .*", f"kill -USR1 {gateway.process.pid}", text)
        text = re.sub(r"^\s*(delay)?compress$", "", text, flags=re.MULTILINE)
        rules = tmp_path / "rules"
        rules.write_text(text)
        rules.chmod(0o644)
        asking = Asking(gateway)
        try:
            for times in (1, 2):
                eventually(lambda: log.exists() and log.stat().st_size > 0, "lines in the file", 30)
                done = subprocess.run(
                    [program, "--force", "--state", str(tmp_path / "state"), str(rules)],
                    capture_output=True,
                    text=True,
                    env=with_libraries_of_debian(),
                    check=False,
                )
                assert done.returncode == 0, done.stderr
                eventually(lambda: gateway.err.text().count("opened its access log anew") == times, "it heard", 15)  # noqa: B023
        finally:
            asked = asking.stop()
        files = [log, *(tmp_path / f"access.log.{number}" for number in (1, 2))]

        def written() -> int:
            return sum(len(file.read_text().splitlines()) for file in files)

        eventually(lambda: written() == asked, f"{asked} lines; {written()} are there", 30)
        assert all(file.read_text() for file in files)
