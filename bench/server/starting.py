"""How long it takes from starting a server until `initialize` is answered."""

from collections.abc import Mapping

from rounds import Method, interleave, quick

from server.servers import Server

ROUNDS = 21


def start(server: Server) -> Method:
    """Start a server and end it."""

    def method() -> float:
        """Once."""
        with server.start() as client:
            return client.start_seconds

    return method


def measure(servers: Mapping[str, Server]) -> dict[str, list[float]]:
    """Seconds of each round, by server. Files are read once before, so that they come from memory."""
    methods = {name: start(server) for name, server in servers.items()}
    for method in methods.values():
        method()
    return interleave(methods, 3 if quick() else ROUNDS)
