"""Run by the environment `clouds`: the signature of a received request, computed anew by botocore.

Reads {method, path, headers: [[name, value]], body (base64), access_key_id, secret_access_key, region} from standard
input and writes {signed: [header], same: whether the signatures are equal, scope} to standard output.
"""

import base64
import json
import re
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$")

asked = json.load(sys.stdin)
headers = dict(asked["headers"])
assert len(headers) == len(asked["headers"]), "a header stands there twice"
found = FORM.match(headers["authorization"])
assert found is not None, "authorization has another form"
key, scope, names, signature = found.groups()
signed = names.split(";")
assert key == asked["access_key_id"], "signed with another key"

request = AWSRequest(
    method=asked["method"],
    url=f"https://{headers['host']}{asked['path']}",
    data=base64.b64decode(asked["body"]),
    headers={name: headers[name] for name in signed if name != "x-amz-content-sha256"},
)
request.context["timestamp"] = headers["x-amz-date"]
signer = SigV4Auth(Credentials(key, asked["secret_access_key"]), "bedrock", asked["region"])
if "x-amz-content-sha256" in signed:  # computed here from the body, never taken from what was sent
    request.headers["x-amz-content-sha256"] = signer.payload(request)
ours = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
json.dump({"signed": signed, "same": ours == signature, "scope": scope}, sys.stdout)
