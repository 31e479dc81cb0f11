"""The committed stubs are what protoc makes of protos/ today."""

import importlib
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
FILES = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, FileDescriptorProto]:
    protoc = pytest.importorskip("grpc_tools.protoc", reason="grpcio-tools is not installed")
    made = tmp_path_factory.mktemp("stubs") / "set"
    assert (
        protoc.main(["protoc", f"-I{PROTOS}", f"-I{_well_known(protoc)}", f"--descriptor_set_out={made}", *FILES]) == 0
    )
    return {file.name: file for file in FileDescriptorSet.FromString(made.read_bytes()).file}


def _well_known(protoc) -> str:
    return str(Path(protoc.__file__).parent / "_proto")


@pytest.mark.parametrize("name", FILES)
def test_the_stub_holds_the_protos_descriptor(name, compiled):
    module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    held = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(held)
    fresh = compiled[name]
    for file in (held, fresh):  # names that only JSON uses; protoc fills them in, the pool does not
        _drop_json_names(file)
    assert held == fresh


def _drop_json_names(file: FileDescriptorProto) -> None:
    waiting = list(file.message_type)
    while waiting:
        message = waiting.pop()
        for field in message.field:
            field.ClearField("json_name")
        waiting.extend(message.nested_type)


def test_no_stub_is_left_of_a_proto_that_is_gone():
    stubs = {path.name for path in (ROOT / "extproc/wire/pb").glob("*_pb2.py*")}
    wanted = {re.sub(r"\.proto$", suffix, Path(name).name) for name in FILES for suffix in ("_pb2.py", "_pb2.pyi")}
    assert stubs == wanted
