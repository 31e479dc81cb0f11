"""The demo providers: what they say, how they fail, and that the real sockets do what the values promise."""
