"""A real Envoy signs for AWS: what arrives is checked with botocore, over the body and the path that arrived."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from extproc.dataplane.render import aws_keys_file
from extproc.protocol.events import Headers
from extproc.protocol.replies import HeaderEdit
from extproc.rewrite.attempt import OriginalRequest, attempt_headers
from extproc.snapshot import Credential, FailoverSpec
from extproc.translation.pair import TranslatedRequest
from tests.dataplane.envoy import eventually, running
from tests.dataplane.processor import Processor, cluster, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering
from tests.dataplane.world import World
from tests.sdk.environments import VENDORS

pytestmark = pytest.mark.envoy

SCRIPT = Path(__file__).with_name("botocore_signature.py")
REGION = "eu-central-1"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PATH = "/proxy/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
SIGNED = Credential("aws_keys", "authorization", "")
AWS_HEADERS = {"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}
KEY_HEADERS = {"openai": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key", "azure": "api-key"}
AWS, OTHER = Upstream(), Upstream()
PROVIDERS = {
    "aws": replace(provider("aws", dialect="bedrock", credential=SIGNED), region=REGION, headers={"x-amz-extra": "1"}),
    "openai": provider("openai"),
    "anthropic": provider("anthropic", dialect="anthropic", credential=Credential("injected", "x-api-key", "")),
    "gemini": provider("gemini", dialect="gemini", credential=Credential("injected", "x-goog-api-key", "")),
    "azure": provider("azure", dialect="azure_openai", credential=Credential("injected", "api-key", "")),
    "none": provider("none", credential=Credential()),
}


@dataclass(slots=True)
class Told:
    """What every attempt is made of."""

    body: bytes = b'{"messages":[]}'
    path: str = PATH


TOLD = Told()


def rewritten(named: str, present: Headers, body: bytes) -> tuple[HeaderEdit, bytes]:
    """As the product does it: everything of its own, nothing of anybody else's."""
    name = named.removesuffix(names.HELD_SUFFIX).partition("-")[0]
    endpoint = (AWS if name == "aws" else OTHER).endpoint
    target = replace(PROVIDERS[name], endpoints=(endpoint,))
    request = TranslatedRequest("POST", TOLD.path, (), TOLD.body)
    edit = attempt_headers(present, request, target, OriginalRequest("application/json"), len(TOLD.body))
    return edit, TOLD.body


@pytest.fixture(scope="module")
def running_world() -> Iterator[World]:
    if why := VENDORS.why_missing():
        pytest.skip(why)
    with answering(AWS, OTHER):
        parts = [
            replace(each, endpoints=((AWS if name == "aws" else OTHER).endpoint,)) for name, each in PROVIDERS.items()
        ]
        route = replace(llm(), failover=FailoverSpec(first_event=True))
        with running(snapshot(*parts, route)) as envoy, serving(Processor(), envoy.place) as processor:
            processor.rewrites = rewritten
            world = World(envoy, processor)
            eventually(lambda: world.chat("openai").status == 200, within=10)
            yield world


@pytest.fixture
def world(running_world: World) -> World:
    TOLD.body, TOLD.path = Told().body, Told().path
    for upstream in (AWS, OTHER):
        upstream.status = 200
        upstream.asked.clear()
        upstream.raw.clear()
    write_keys(running_world, "AKIDEXAMPLE", SECRET, None)
    eventually(lambda: key_in_use(running_world) == "AKIDEXAMPLE" and not token_in_use())
    for upstream in (AWS, OTHER):
        upstream.asked.clear()
        upstream.raw.clear()
    return running_world


def write_keys(world: World, identity: str, secret: str, token: str | None) -> None:
    """As a reload does: the new file is moved onto the old one."""
    file = Path(world.envoy.place.aws_keys(cluster("aws")))
    file.with_suffix(".new").write_text(aws_keys_file(identity, secret, token))
    os.replace(file.with_suffix(".new"), file)


def key_in_use(world: World) -> str:
    assert world.chat("aws").status == 200
    return dict(AWS.raw[-1])["authorization"].partition("Credential=")[2].partition("/")[0]


def token_in_use() -> str | None:
    return dict(AWS.raw[-1]).get("x-amz-security-token")


def verified(identity: str = "AKIDEXAMPLE", secret: str = SECRET) -> dict[str, Any]:
    """What botocore says of the last request that AWS's side received."""
    method, path, _, body = AWS.asked[-1]
    asked = {
        "method": method,
        "path": path,
        "headers": AWS.raw[-1],
        "body": base64.b64encode(body).decode(),
        "access_key_id": identity,
        "secret_access_key": secret,
        "region": REGION,
    }
    ran = subprocess.run(
        [str(VENDORS.python), str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    assert found["same"], "the signature is another"
    return found


@pytest.mark.parametrize("body", [b"{}", b'{"messages":[{"role":"user"}]}', "ü".encode() * 200_000], ids=len)
@pytest.mark.parametrize("form", ["aws", "aws+"], ids=["plain", "held until the first event"])
def test_the_signature_is_over_what_arrives(world: World, body: bytes, form: str) -> None:
    """The attempt's own body and path; and nothing is signed that Envoy may still change."""
    TOLD.body = body
    AWS.chunks = (b"data: {}\n\n",) if form.endswith("+") else None
    assert world.chat(form, b'{"model":"other"}').status == 200
    AWS.chunks = None
    assert AWS.asked[-1][1] == PATH and AWS.asked[-1][3] == body
    found = verified()
    assert set(found["signed"]) == {"host", "content-type", "x-amz-date", "x-amz-content-sha256", "x-amz-extra"}
    assert found["scope"].endswith(f"/{REGION}/bedrock/aws4_request")


@pytest.mark.parametrize(
    "path", ["/model/a.b-v1%3A0/converse-stream", "/model/arn%3Aaws%3Abedrock%3Aeu%2Fx/converse", "/m/x?b=2&a=1%2F"]
)
def test_the_path_is_signed_as_aws_reads_it(world: World, path: str) -> None:
    TOLD.path = path
    assert world.chat("aws").status == 200
    assert AWS.asked[-1][1] == path
    verified()


def test_keys_rotate_and_bring_their_token(world: World) -> None:
    write_keys(world, "AKIDROTATED", "other/secret+of=it", "token//of+a==session")
    eventually(lambda: key_in_use(world) == "AKIDROTATED")
    assert token_in_use() == "token//of+a==session"
    assert "x-amz-security-token" in verified("AKIDROTATED", "other/secret+of=it")["signed"]


@pytest.mark.parametrize("other", ["openai", "anthropic", "gemini", "azure", "none"])
def test_nothing_of_a_signature_reaches_the_next_provider(world: World, other: str) -> None:
    write_keys(world, "AKIDOFAWS", SECRET, "token-of-aws")
    eventually(lambda: key_in_use(world) == "AKIDOFAWS")
    AWS.status = 503
    assert world.chat(f"aws,{other}").status == 200
    assert shown_in(OTHER.raw[-1]) == ([KEY_HEADERS[other]] if other in KEY_HEADERS else [])
    text = json.dumps(OTHER.raw[-1])
    assert not [word for word in ("AKIDOFAWS", "token-of-aws", "AWS4") if word in text]


def shown_in(lines: list[tuple[str, str]]) -> list[str]:
    """The headers that show a credential of anybody, as often as they stand there."""
    credentials = {*AWS_HEADERS, *KEY_HEADERS.values(), "cookie", "proxy-authorization", "x-amz-extra"}
    return [name for name, _ in lines if name in credentials]


def test_along_a_plan_through_all_kinds_each_sees_its_own_credential_only(world: World) -> None:
    """Whatever the caller sent, and whoever stood before."""
    AWS.status = OTHER.status = 503
    plan = ["openai", "anthropic", "gemini", "azure", "none"]
    sent = dict.fromkeys((*AWS_HEADERS, *KEY_HEADERS.values(), "cookie", "proxy-authorization"), "Bearer canary")
    world.chat(f"{','.join(plan)},aws", **sent)
    assert [shown_in(lines) for lines in OTHER.raw] == [[KEY_HEADERS[one]] for one in plan[:-1]] + [[]]
    assert "canary" not in json.dumps([*OTHER.raw, *AWS.raw])
    assert sorted(shown_in(AWS.raw[-1])) == sorted([*(AWS_HEADERS - {"x-amz-security-token"}), "x-amz-extra"])
    verified()


@pytest.mark.parametrize("plan", ["openai,aws", "anthropic,aws", "openai+,aws+"])
def test_nobodys_key_reaches_aws(world: World, plan: str) -> None:
    OTHER.status = 503
    sent = dict.fromkeys(
        ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-target"), "Bearer of-the-caller"
    )
    assert world.chat(plan, **sent).status == 200
    verified()
    text = json.dumps(AWS.raw[-1])
    assert not [word for word in ("sk-of-a-test", "of-the-caller", "x-api-key", "x-amz-target") if word in text]


def test_no_secret_is_in_what_envoy_is_given(world: World) -> None:
    place = world.envoy.place
    said = "".join(Path(file).read_text() for file in (place.cds, place.lds, place.rds, place.access_log))
    assert SECRET not in said and "AKIDEXAMPLE" not in said


def clusters_of(world: World) -> set[str]:
    """Those that Envoy itself has, its own ones too."""
    client = httpx.Client(transport=httpx.HTTPTransport(uds=world.envoy.place.admin), base_url="http://envoy")
    with client:
        found = client.get("/clusters?format=json").json()["cluster_statuses"]
    return {str(one["name"]) for one in found}


def test_with_keys_of_its_own_envoy_asks_nobody_for_others(world: World) -> None:
    ours = {each.cluster for each in PROVIDERS.values()}
    twins = {name + names.HELD_SUFFIX for name in ours}
    assert clusters_of(world) == ours | twins | {"processor", "sink"}


@pytest.mark.parametrize("token", [None, "token-of-the-environment"])
def test_awss_own_chain_begins_with_the_environment(token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if why := VENDORS.why_missing():
        pytest.skip(why)
    said = {"AWS_ACCESS_KEY_ID": "AKIDOFENV", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    with answering(AWS, OTHER):
        chain = replace(PROVIDERS["aws"], credential=Credential("aws_chain", "authorization", ""))
        parts = snapshot(replace(chain, endpoints=(AWS.endpoint,)), llm())
        with running(parts) as envoy, serving(Processor(rewrites=rewritten), envoy.place) as processor:
            AWS.status = 200
            assert eventually(lambda: World(envoy, processor).chat("aws").status == 200, within=10)
    assert token_in_use() == token
    verified("AKIDOFENV")
