"""Plan and translated request → header and body operations; refusals in the caller's dialect."""
