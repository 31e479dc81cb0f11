"""The image and the manifests name one version, one user, and the ports that the program opens."""

from tests.layout.manifests import built, containers_of, one, pod_of
from tests.layout.test_compose import PLAIN
from tests.layout.test_dockerfile import LAST, PROJECT, the


def test_the_image_is_the_packages_version_everywhere() -> None:
    (container,) = containers_of(one(built("k8s/base"), "Deployment"))
    assert container["image"] == PLAIN["services"]["gateway"]["image"] == f"extproc:{PROJECT['version']}"


def test_the_user_is_the_images() -> None:
    context = pod_of(one(built("k8s/base"), "Deployment"))["securityContext"]
    assert the("USER", LAST).text == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_the_ports_are_the_images() -> None:
    (container,) = containers_of(one(built("k8s/base"), "Deployment"))
    assert the("EXPOSE").words == [str(port["containerPort"]) for port in container["ports"]]
