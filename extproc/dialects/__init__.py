"""Per API: where model, stream flag, usage and errors are; framing. Pure, and knows no provider by name."""
