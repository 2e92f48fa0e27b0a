"""Whether a server's memory stays what it is: resident bytes in the course of 10,000 calls."""

from collections.abc import Iterator, Mapping
from itertools import cycle, islice

from rounds import quick

from server.servers import Server

CALLS = 10_000
SAMPLES = 10


def samples(server: Server) -> Iterator[int]:
    """Memory after `initialize`, and after each tenth of the calls."""
    calls = cycle(server.calls)
    with server.start() as client:
        yield client.memory()
        for _ in range(SAMPLES):
            for call in islice(calls, (1_000 if quick() else CALLS) // SAMPLES):
                client.call(*call)
            yield client.memory()


def measure(servers: Mapping[str, Server]) -> dict[str, list[int]]:
    """Samples by server."""
    return {name: list(samples(server)) for name, server in servers.items()}
