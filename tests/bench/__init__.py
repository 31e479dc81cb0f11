"""The benchmarks' own pieces."""
