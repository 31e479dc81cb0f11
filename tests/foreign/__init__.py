"""The gateway beside Envoys that somebody else runs: rendered by the command line, run for real."""
