"""The Compose files, by Docker Compose's own word where it is to be had, and held against what they mount and name."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.layout.tools import ROOT, of_debian, of_manifests, understood_by

FILE, OVER = ROOT / "docker-compose.yaml", ROOT / "envoy" / "docker-compose.routes.yaml"
PLAIN: dict[str, Any] = yaml.safe_load(FILE.read_text())


def compose() -> list[str]:
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    return [of_manifests("docker-compose")]


def resolved(*files: Path, **variables: str) -> dict[str, Any]:
    named = [word for file in files for word in ("-f", str(file))]
    done = subprocess.run(
        [*compose(), *named, "config", "--format", "json"],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower(), done.stderr
    return dict(json.loads(done.stdout))


def test_compose_takes_it() -> None:
    services = resolved(FILE)["services"]
    assert set(services) == {"gateway", "prometheus", "grafana"}
    for service in services.values():
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}


def test_compose_takes_it_with_routes_laid_over(tmp_path: Path) -> None:
    gateway = resolved(FILE, OVER, EXTPROC_ROUTES=str(tmp_path))["services"]["gateway"]
    assert gateway["volumes"][0]["source"] == str(tmp_path) and gateway["volumes"][0]["read_only"]
    assert "--open" not in gateway["command"]
    assert gateway["command"][:3] == ["up", "-c", gateway["volumes"][0]["target"]]


def test_what_is_mounted_is_there() -> None:
    for service in PLAIN["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in PLAIN["volumes"] or (ROOT / source).is_file(), source


def test_images_bear_a_tag_and_no_registry() -> None:
    images = [service["image"] for service in PLAIN["services"].values()]
    assert all(re.fullmatch(r"([a-z]+/)?[a-z]+:v?\d+\.\d+\.\d+", image) for image in images), images


@pytest.mark.parametrize("file", [FILE, OVER], ids=["alone", "with routes"])
def test_its_command_is_one_that_the_gateway_understands(file: Path) -> None:
    name, *words = yaml.safe_load(file.read_text())["services"]["gateway"]["command"]
    understood_by(name, words)


def test_the_scrape_configuration_is_prometheus_own() -> None:
    done = subprocess.run(
        [of_debian("promtool"), "check", "config", str(ROOT / "envoy" / "prometheus.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_finds_its_datasource_and_dashboard() -> None:
    grafana = PLAIN["services"]["grafana"]
    mounted = dict(reversed(volume.removesuffix(":ro").split(":")) for volume in grafana["volumes"])
    (source,) = yaml.safe_load((ROOT / "envoy/grafana/datasource.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus" and source["url"] == "http://prometheus:9090" and source["isDefault"]
    (provider,) = yaml.safe_load((ROOT / "envoy/grafana/dashboards.yaml").read_text())["providers"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in mounted and Path(home).is_relative_to(provider["options"]["path"])
    assert json.loads((ROOT / mounted[home]).read_text())["title"]
