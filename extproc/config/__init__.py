"""YAML → schema → checked → compiled Snapshot; watch and swap."""
