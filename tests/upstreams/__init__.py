"""Upstreams that speak providers' own formats, as those have been seen to: scripted, small, and ours.

Law: one file a format: what it hears of a request, what it says whole, what it says as a stream. Only the standard
library, nothing of the product, so that both cannot share a mistake.
"""
