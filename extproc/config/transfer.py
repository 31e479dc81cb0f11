"""A snapshot as bytes, for other processes: MessagePack, and equal again when read."""

import msgspec

from extproc.snapshot import Snapshot

_ENCODER = msgspec.msgpack.Encoder()  # unsorted: the order of providers means something
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    return _ENCODER.encode(snapshot)


def decode_snapshot(data: bytes) -> Snapshot:
    """The snapshot that was written. Raises msgspec.DecodeError on anything else."""
    return _DECODER.decode(data)
