"""What we know of a request: read once at the edge into frozen types; past this room nobody touches raw JSON."""
