"""A stream that this processor cannot serve and another one may.

Law: it is raised before anything was answered, and the transport ends the stream by it as «unavailable»: Envoy then
asks another processor, with all that it asked this one.
"""


class AskAnother(Exception):
    """Not here."""
