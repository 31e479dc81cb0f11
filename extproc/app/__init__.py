"""The composition root: the only room that names concrete classes and puts them together."""

from extproc.app.gateway import UpSettings, run_gateway
from extproc.app.processor import ProcessorSettings, run_processor

__all__ = ["ProcessorSettings", "UpSettings", "run_gateway", "run_processor"]
