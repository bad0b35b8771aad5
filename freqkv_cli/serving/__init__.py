"""Reading for other programs: tools of the Model Context Protocol, and chat completions over HTTP."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # hosts that only this machine reaches
