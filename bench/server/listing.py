"""How long `list_buffers` takes for the first page of a store of 10,000 buffers."""

from pathlib import Path

from dcc_mcp_shm import SharedSceneBuffer, Store
from rounds import quick

from server.client import Client
from server.servers import ours

BUFFERS = 10_000
# Each with a new server, and each with as many calls after the first.
ROUNDS = 11
CALLS = 20

FIRST, LATER, AFTER_ONE_MORE = "first call", "later", "later, one more was published before"


def listed(client: Client, expected: int) -> float:
    """List the first page of so many buffers; seconds."""
    seconds, result = client.call("list_buffers", {})
    assert result["structuredContent"]["total_count"] == expected
    return seconds


def measure(program: Path, directory: Path) -> dict[str, list[float]]:
    """Seconds of all calls."""
    store = Store(directory)
    for number in range(BUFFERS):
        SharedSceneBuffer.write(b"scene", name=f"scene {number}", store=store)
    seconds: dict[str, list[float]] = {FIRST: [], LATER: [], AFTER_ONE_MORE: []}
    for _ in range(2 if quick() else ROUNDS):
        with ours(program, directory).start() as client:
            seconds[FIRST].append(listed(client, BUFFERS))
            seconds[LATER] += [listed(client, BUFFERS) for _ in range(CALLS)]
            for _ in range(CALLS):
                scene = SharedSceneBuffer.write(b"scene", store=store)
                seconds[AFTER_ONE_MORE].append(listed(client, BUFFERS + 1))
                scene.unlink()
    return seconds
