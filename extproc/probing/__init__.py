"""Active probes: GETs that ask providers' endpoints how they are, beside the requests and never in their way."""
