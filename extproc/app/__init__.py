"""The composition root: the only room that names concrete classes and puts them together.

Law: whoever starts one program imports its file alone: a processor that starts again must not wait for the gateway's.
"""
