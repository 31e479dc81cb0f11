"""A provider of files, uploads and batches, as little as the client library needs to believe it."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

from tests.envoy.upstream import Asked, whole

GONE = {"error": {"message": "no such file", "type": "invalid_request_error", "param": "id", "code": "gone"}}


@dataclass(slots=True)
class Store:
    """A script of `tests.envoy.upstream`."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    upload: dict[str, Any] = field(default_factory=dict)
    batch: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.headers.get("authorization") != "Bearer sk-lab":
            writer.write(whole(json.dumps(GONE).encode(), 401))
            return
        answer = self._answer(asked.method, asked.path.partition("?")[0].removeprefix("/v1"), asked)
        if isinstance(answer, bytes):
            writer.write(whole(answer, 200, "application/octet-stream"))
        else:
            writer.write(whole(json.dumps(answer or GONE).encode(), 200 if answer else 404))

    def _answer(self, method: str, path: str, asked: Asked) -> dict[str, Any] | bytes | None:
        match method, path.strip("/").split("/"):
            case "POST", ["files"]:
                sent = _form(asked)
                return self._keep(sent["file"][1], sent["file"][0], sent["purpose"][1].decode())
            case "GET", ["files"]:
                return {"object": "list", "data": list(self.files.values()), "has_more": False}
            case "GET", ["files", name]:
                return self.files.get(name)
            case "GET", ["files", name, "content"]:
                return self.contents.get(name)
            case "DELETE", ["files", name]:
                return {"id": name, "object": "file", "deleted": self.files.pop(name, None) is not None}
            case "POST", ["uploads"]:
                self.upload = {**json.loads(asked.body), "id": "upload-1", "object": "upload", "status": "pending"}
                return {**self.upload, "created_at": 1, "expires_at": 2}
            case "POST", ["uploads", _, "parts"]:
                self.parts.append(_form(asked)["data"][1])
                part = {"id": f"part-{len(self.parts)}", "object": "upload.part"}
                return {**part, "created_at": 1, "upload_id": "upload-1"}
            case "POST", ["uploads", _, "complete"]:
                assert len(json.loads(asked.body)["part_ids"]) == len(self.parts)
                file = self._keep(b"".join(self.parts), self.upload["filename"], "batch")
                return {**self.upload, "status": "completed", "created_at": 1, "expires_at": 2, "file": file}
            case "POST", ["batches"]:
                created = json.loads(asked.body)
                assert not {"provider", "team", "model"} & created.keys()
                self.batch = {**created, "id": "batch-1", "object": "batch", "status": "validating", "created_at": 1}
                return self.batch
            case "GET", ["batches"]:
                return {"object": "list", "data": [self.batch], "has_more": False}
            case "GET", ["batches", _]:
                return self.batch
            case "POST", ["batches", _, "cancel"]:
                return {**self.batch, "status": "cancelling"}
        return None

    def _keep(self, content: bytes, name: str, purpose: str) -> dict[str, Any]:
        made = {"id": f"file-{len(self.contents) + 1}", "object": "file", "bytes": len(content), "created_at": 1}
        self.contents[made["id"]] = content
        self.files[made["id"]] = {**made, "filename": name, "purpose": purpose, "status": "processed"}
        return self.files[made["id"]]


def _form(asked: Asked) -> dict[str, tuple[str, bytes]]:
    """By field: the file's name and the content."""
    head = f"content-type: {asked.headers['content-type']}\r\n\r\n".encode()
    found = {}
    for part in BytesParser().parsebytes(head + asked.body).walk():
        named = re.search(r'name="(\w+)"', str(part["content-disposition"] or ""))
        if named:
            found[named[1]] = (part.get_filename() or "", bytes(part.get_payload(decode=True) or b""))
    return found
