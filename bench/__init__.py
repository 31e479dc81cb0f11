"""Benchmarks: ratios against a baseline of the same run. Absolute figures differ from machine to machine."""
