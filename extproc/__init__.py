"""extproc: an Envoy external processor that routes LLM and API traffic."""
