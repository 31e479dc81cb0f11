"""HTTP/2 for a neighbour on this machine, without I/O: bytes in, calls out, bytes out."""
