"""The ext_proc conversation as a state machine without I/O: what may follow what, what answers what."""
