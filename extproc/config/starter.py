"""The commented configuration that `extproc init` writes."""

from importlib.resources import files
from typing import Final

STARTER: Final[str] = files("extproc.config").joinpath("starter.yaml").read_text(encoding="utf-8")
