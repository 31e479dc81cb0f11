"""For all tests: a property is never wrong because the machine was busy."""

from hypothesis import settings

settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
