"""The one place that knows the product's version: the installed distribution's metadata."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "extproc-gateway"

try:
    VERSION = version(DISTRIBUTION)
except PackageNotFoundError:  # a source tree on PYTHONPATH, never installed
    VERSION = "0+source"
