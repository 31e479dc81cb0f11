"""Sockets ↔ gRPC messages, as bytes; health and drain."""
