"""The verbs."""


def main() -> None:
    raise SystemExit("extproc: the skeleton has no verbs yet")
