"""Protobuf ↔ events and replies: the only room that knows protobuf."""
