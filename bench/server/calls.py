"""How long one call takes, over pipes and over sockets."""

import statistics
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import cycle, islice

from rounds import Method, interleave, quick

from server.client import TRANSPORTS, Client
from server.servers import Server

ROUNDS = 50
# One after another to the same server, as an agent's are; a round counts as the median of them.
CALLS = 100


def block(server: Server, client: Client) -> Method:
    """A round of one server."""
    calls = cycle(server.calls)
    return lambda: statistics.median(client.call(*call)[0] for call in islice(calls, CALLS))


def measure(servers: Mapping[str, Server]) -> dict[str, dict[str, list[float]]]:
    """Median seconds of each round, by transport and server."""
    seconds = {}
    for transport in TRANSPORTS:
        with ExitStack() as running:
            clients = {name: running.enter_context(server.start(transport)) for name, server in servers.items()}
            blocks = {name: block(servers[name], client) for name, client in clients.items()}
            # The first round of each is not counted: the store is opened, and interpreters compile.
            for warm_up in blocks.values():
                warm_up()
            seconds[transport] = interleave(blocks, 3 if quick() else ROUNDS)
    return seconds
