"""A scene goes from one process to another, and an MCP client finds it: what `make demo` runs.

    python examples/demo [--dcc blender] [--server PATH]

A producer process fills shared memory and exits. An MCP client starts the server, finds the scene, takes its
descriptor and looks at it. A consumer process gets the descriptors, maps the data and computes on it. Exits with 1 if a
checksum differs or the MCP traffic is more than it may be.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import compare
from agent import Agent, Exchange, connect, exchanges

HERE = Path(__file__).parent
SERVER = HERE.parent.parent / "target/release/dcc-mcp-shm"
# Where the pictures stay that the agent was shown.
PICTURES = HERE.parent.parent / "target/demo"
GROUP = "demo"
MIB = 1 << 20
# For an agent to find a scene and take its descriptor, from the first message on, however large the scene is.
MAX_TRAFFIC = 5 * 1024
# Asked for by the host at its own time, and the same for every server: what its tools are.
LIST_TOOLS = "tools/list"


class DemoError(Exception):
    """The demo did not show what it is for."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, then how long it took."""
    print(f"\n{title}", flush=True)
    start = time.perf_counter()
    yield
    print(f"    [{time.perf_counter() - start:.2f} s]", flush=True)


def produce(script: Path) -> list[dict[str, Any]]:
    """Run a producer until it exits; the scenes it published, each with the checksums of its arrays."""
    result = subprocess.run([sys.executable, str(script), GROUP], stdout=subprocess.PIPE, check=True)
    produced = json.loads(result.stdout.splitlines()[-1])
    for scene in produced["scenes"]:
        sums = ", ".join(f"{name} {crc:08x}" for name, crc in scene["checksums"].items())
        print(f"    {scene['name']}: id {scene['id']}\n        crc32 {sums}")
    return list(produced["scenes"])


def consume(descriptors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run a consumer on descriptors alone; what it found, scene by scene."""
    lines = "".join(json.dumps(descriptor) + "\n" for descriptor in descriptors)
    command = [sys.executable, str(HERE / "consumer.py")]
    result = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    for scene in found:
        size, open_ms, private = scene["size_bytes"] / MIB, scene["open_ms"], scene["private_bytes"] / 1024
        print(f"    {scene['name']}: {size:.1f} MiB mapped in {open_ms:.2f} ms; all read, {private:.0f} KiB private")
        for fact in scene["facts"]:
            print(f"        {fact}")
    return found


def check(produced: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    """Compare what arrived with what was sent.

    Raises:
        DemoError: it is not the same.
    """
    sent = {scene["name"]: scene["checksums"] for scene in produced}
    received = {scene["name"]: scene["checksums"] for scene in found}
    if sent != received:
        raise DemoError(f"checksums differ: sent {sent}, received {received}")
    print(f"    all {sum(map(len, sent.values()))} checksums match")


async def take(agent: Agent, kind: str) -> dict[str, Any]:
    """Find the scene of one kind in the group, take its descriptor and look at it."""
    (scene,) = await agent.find(group=GROUP, kind=kind)
    print(f"    {kind}: {scene['name']}, {scene['size_bytes']:,} bytes from {scene['source_dcc']}")
    descriptor = await agent.descriptor(scene["id"])
    picture = PICTURES / f"{scene['name'].rpartition('/')[2]}.png"
    print(f"        {await agent.view(scene['id'], picture)}\n        {picture}")
    return descriptor


async def session(server: Path, store: str, log: Path, produced: list[dict[str, Any]]) -> None:
    """All that needs the server: find, take, compute, delete."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    kinds = ["Geometry", "AnimationCache", "Screenshot"][: len(produced)]
    async with connect(server, store, log) as agent:
        with step("Agent: an MCP client starts the server, finds the scenes, takes their descriptors, looks at them"):
            descriptors = [await take(agent, kind) for kind in kinds]
        with step("Consumer: another process gets the descriptors, maps the data, computes"):
            check(produced, await asyncio.to_thread(consume, descriptors))
        with step(
            "Comparison: the mesh's positions alone from one process to another (JSON would take half a minute for all)"
        ):
            await asyncio.to_thread(compare.table)
        with step("Agent: deletes the scenes"):
            for scene in produced:
                await agent.delete(scene["id"])


def report_traffic(passed: list[Exchange]) -> None:
    """Print every MCP message's size.

    Raises:
        DemoError: finding one scene and taking its descriptor took too much.
    """
    print("\nMCP traffic, counted on the wire (bytes sent, received)")
    for exchange in passed:
        print(f"    {exchange.what:62} {exchange.sent:6} {exchange.received:6}")
    ours = [exchange for exchange in passed if exchange.what != LIST_TOOLS]
    start = sum(exchange.total for exchange in ours if not exchange.tool)
    lookups = [exchange.total for exchange in ours if exchange.tool in {"list_buffers", "read_descriptor"}]
    dearest = start + max(map(sum, zip(lookups[::2], lookups[1::2], strict=True)))
    print(f"    to start, find one scene and take its descriptor: {dearest:,} of at most {MAX_TRAFFIC:,} bytes")
    seen = sum(exchange.total for exchange in ours if exchange.tool == "view_image")
    rest = sum(exchange.total for exchange in ours) - seen
    print(f"    the whole session: {rest:,} bytes, {seen:,} for pictures, and tools/list for the host")
    if dearest > MAX_TRAFFIC:
        raise DemoError("the MCP traffic is more than it may be")


def demonstrate(producer: Path, server: Path) -> None:
    """Run the demo in a store of its own, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="demo-", dir="/dev/shm") as store, tempfile.TemporaryDirectory() as work:
        os.environ["DCC_MCP_SHM_DIR"] = store
        log = Path(work, "wire.log")
        with step(f"Producer: {producer.name} fills shared memory in place, and exits"):
            produced = produce(producer)
        asyncio.run(session(server, store, log, produced))
        report_traffic(exchanges(log))


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description="A scene goes from one process to another, and an MCP client finds it."
    )
    parser.add_argument("--dcc", choices=["numpy", "blender"], default="numpy", help="what makes the data")
    parser.add_argument("--server", type=Path, default=SERVER, help="the server binary")
    arguments = parser.parse_args()
    # So that the store is removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    script = {"numpy": "producer.py", "blender": "blender_producer.py"}[arguments.dcc]
    failures: list[Exception] = []
    try:
        demonstrate(HERE / script, arguments.server)
    # What happens while the client is connected comes as a group.
    except* (DemoError, subprocess.CalledProcessError) as group:
        failures.extend(group.exceptions)
    print("\nFAILED: " + "; ".join(map(str, failures)) if failures else "\nOK")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
