"""Snapshot → Envoy's configuration; start, feed and stop Envoy."""
