"""Demo providers: a small cast of upstreams, one of them of another dialect, to see a gateway at work without a key.

Law: nothing here knows the gateway. The pure half (`catalog` … `desk`) turns a request into a `Reply` value in which
even the delays are data; the other half (`app`, `connection`, `sockets`) only plays it. Prompts are never logged.
Nothing is imported here: who only reads the `catalog` must not pay for an HTTP server.
"""
