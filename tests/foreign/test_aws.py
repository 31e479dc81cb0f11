"""AWS keys by reference: Envoy signs with those of its own environment, in both forms, and botocore finds it right."""

import base64
import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.dataplane.test_signed import SCRIPT
from tests.dataplane.upstream import Upstream, answering
from tests.foreign.scene import Foreign, beside, static
from tests.sdk.environments import VENDORS

pytestmark = pytest.mark.envoy
AWS = Upstream(
    body=json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        }
    ).encode()
)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def config() -> str:
    keys = "{access_key_id: '${AWS_ACCESS_KEY_ID}', secret_access_key: '${AWS_SECRET_ACCESS_KEY}'}"
    return f"""
providers:
  aws:
    dialect: bedrock
    region: eu-central-1
    base_url: http://127.0.0.1:{AWS.port}
    credential: {keys}
    models: ["{MODEL}"]
"""


@pytest.fixture(scope="module", params=["whole", "portable"])
def foreign(request: pytest.FixtureRequest) -> Iterator[Foreign]:
    if why := VENDORS.why_missing():
        pytest.skip(why)
    with answering(AWS), beside(config(), static(request.param), **KEYS) as running:
        yield running


def test_a_request_is_signed_as_aws_wants_it(foreign: Foreign) -> None:
    AWS.asked.clear()
    AWS.raw.clear()
    answer = foreign.chat(MODEL, {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    assert answer.json()["choices"][0]["message"]["content"] == "hi"
    ((method, path, _, body),) = AWS.asked
    asked = {
        "method": method,
        "path": path,
        "headers": AWS.raw[0],
        "body": base64.b64encode(body).decode(),
        "access_key_id": KEYS["AWS_ACCESS_KEY_ID"],
        "secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"],
        "region": "eu-central-1",
    }
    ran = subprocess.run(
        [str(VENDORS.python), str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["same"], found
    assert {"host", "content-type", "x-amz-date"} <= set(found["signed"])
    assert set(found["signed"]) <= {"host", "content-type", "x-amz-date", "x-amz-content-sha256"}
