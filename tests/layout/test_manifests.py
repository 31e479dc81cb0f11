"""The manifests for Kubernetes: built, held against its schemas, and against what our own programs take and do."""

import re
from pathlib import Path
from typing import Any

import pytest

from extproc.config.load import load
from tests.layout.manifests import Manifest, built, complaints, containers_of, one, pod_of, seconds
from tests.layout.test_examples import variables
from tests.layout.tools import ROOT, understood_by

OURS = "apps/v1", "v1", "policy/v1", "networking.k8s.io/v1"  # kinds that Kubernetes itself has schemas of
DIRECTORIES = sorted(
    str(file.parent.relative_to(ROOT))
    for file in (ROOT / "k8s").rglob("kustomization.yaml")
    if "kind: Kustomization" in file.read_text()
)
ROUTES = "extproc.yaml"
BUILT: dict[str, list[Manifest]] = {}


@pytest.fixture(params=DIRECTORIES)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Each directory is built once."""
    if request.param not in BUILT:
        BUILT[request.param] = built(request.param)
    return BUILT[request.param]


@pytest.fixture
def base() -> list[Manifest]:
    return built("k8s/base")


def deployments(manifests: list[Manifest]) -> list[Manifest]:
    return [each for each in manifests if each["kind"] == "Deployment"]


def ours(container: Manifest) -> bool:
    return str(container["image"]).startswith("extproc:")


# --- of all ----------------------------------------------------------------------------------------------------------


def test_kubernetes_schemas_take_every_object(manifests: list[Manifest]) -> None:
    assert manifests
    assert complaints([each for each in manifests if each["apiVersion"] in OURS]) == ""


def test_no_object_holds_a_secret_and_none_but_a_meshs_names_a_namespace(manifests: list[Manifest]) -> None:
    in_a_mesh = any(each["kind"] == "EnvoyFilter" for each in manifests)
    for each in manifests:
        assert each["kind"] != "Secret"
        assert "namespace" not in each["metadata"] or in_a_mesh


def test_every_container_may_do_next_to_nothing(manifests: list[Manifest]) -> None:
    for deployment in deployments(manifests):
        pod = pod_of(deployment)
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers_of(deployment):
            allowed = container["securityContext"]
            assert allowed["allowPrivilegeEscalation"] is False and allowed["readOnlyRootFilesystem"] is True
            assert allowed["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


def test_images_bear_a_version_and_no_registry(manifests: list[Manifest]) -> None:
    for deployment in deployments(manifests):
        for container in containers_of(deployment):
            assert re.fullmatch(r"([a-z]+/)?[a-z-]+:v?\d+\.\d+\.\d+", container["image"]), container["image"]


def test_our_programs_understand_their_arguments(manifests: list[Manifest]) -> None:
    for deployment in deployments(manifests):
        for container in filter(ours, containers_of(deployment)):
            verb, *words = container["args"]
            understood_by(verb, words)


def test_what_is_mounted_is_there_and_what_is_there_is_mounted(manifests: list[Manifest]) -> None:
    names = {(each["kind"], each["metadata"]["name"]) for each in manifests}
    for deployment in deployments(manifests):
        volumes = pod_of(deployment).get("volumes", [])
        mounted = {mount["name"] for each in containers_of(deployment) for mount in each.get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in volumes}
        for volume in volumes:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
        assert ("ServiceAccount", pod_of(deployment)["serviceAccountName"]) in names


def test_the_routes_in_it_load(manifests: list[Manifest], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    for each in [each for each in manifests if each["kind"] == "ConfigMap"]:
        for text in [text for name, text in each["data"].items() if name == ROUTES]:
            file = tmp_path / ROUTES
            file.write_text(re.sub(r"/run/secrets/extproc/\w+", str(tmp_path / "secret"), text))
            loaded = load(file, variables(text))
            assert [str(problem) for problem in loaded.problems] == []
            assert loaded.compiled is not None
            snapshot = loaded.compiled.snapshot
            beside_its_caller = each["metadata"]["name"] == "extproc-sidecar-routes" and snapshot.listen.host is None
            assert snapshot.callers or beside_its_caller, "anybody may call"


def test_every_variable_and_secret_of_the_routes_reaches_the_container(manifests: list[Manifest]) -> None:
    routes = {each["metadata"]["name"]: each["data"] for each in manifests if each["kind"] == "ConfigMap"}
    for deployment in deployments(manifests):
        maps = [volume["configMap"]["name"] for volume in pod_of(deployment)["volumes"] if "configMap" in volume]
        text = "\n".join(text for name in maps for text in routes[name].values())
        for container in filter(ours, containers_of(deployment)):
            assert set(variables(text)) <= {each["name"] for each in container.get("env", [])}
            needed = {str(Path(file).parent) for file in re.findall(r"\{file: ([\w/]+)", text)}
            assert needed <= {mount["mountPath"] for mount in container["volumeMounts"]}


# --- of the base -----------------------------------------------------------------------------------------------------


def gateway(base: list[Manifest]) -> Manifest:
    (container,) = containers_of(one(base, "Deployment"))
    return container


def flag(container: Manifest, name: str) -> str:
    (found,) = [word.partition("=")[2] for word in container["args"] if word.startswith(f"--{name}=")]
    return str(found)


def test_there_is_time_enough_to_drain(base: list[Manifest]) -> None:
    container = gateway(base)
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = seconds(flag(container, "drain"))
    assert pod_of(one(base, "Deployment"))["terminationGracePeriodSeconds"] >= pause + drain + 10


def test_ports_and_probes_are_those_that_it_opens(base: list[Manifest]) -> None:
    container = gateway(base)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8080, "admin": 8081}  # what `up` opens when nothing else is said
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {"admin"}
    assert [probes[name]["path"] for name in probes] == ["/readyz", "/readyz", "/healthz"]
    annotations = one(base, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["admin"])
    (port,) = one(base, "Service")["spec"]["ports"]
    assert port["targetPort"] in ports


def test_selectors_find_the_pods(base: list[Manifest]) -> None:
    labels = one(base, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors: list[dict[str, Any]] = [
        one(base, "Service")["spec"]["selector"],
        one(base, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(base, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        one(base, "Deployment")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector and selector.items() <= labels.items()


def test_a_change_of_the_routes_is_swapped_in_and_restarts_nothing(base: list[Manifest]) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(one(base, "Deployment"))["volumes"]}
    name = volumes["routes"]["configMap"]["name"]
    assert name == one(base, "ConfigMap")["metadata"]["name"] == "extproc-routes"
    mount = next(each for each in gateway(base)["volumeMounts"] if each["name"] == "routes")
    assert "subPath" not in mount, "a file that is mounted alone is never swapped"
    assert flag(gateway(base), "config") == mount["mountPath"]


def test_secrets_on_their_way_are_in_memory_where_the_run_directory_is(base: list[Manifest]) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(one(base, "Deployment"))["volumes"]}
    (mount,) = [each for each in gateway(base)["volumeMounts"] if each["mountPath"] == "/tmp"]
    assert volumes[mount["name"]]["emptyDir"]["medium"] == "Memory"
