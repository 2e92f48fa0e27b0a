"""What several tests need."""

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from dcc_mcp_shm import BufferPool, SharedSceneBuffer, Store
from mcp import Client, StdioServerParameters

Mode = Literal["auto", "legacy"]
T = TypeVar("T")

ROOT = Path(__file__).parents[1]
# With the checks of a debug build; the tests in a DCC run the release build.
SERVER = ROOT / "target" / "debug" / "dcc-mcp-shm"


def files_of(store: Store) -> list[str]:
    """The names of all buffers' files, finished or not."""
    return sorted(file.name for file in Path(store.path).iterdir() if ".shm" in file.name)


def until_somebody_waits(store: Store, pool: BufferPool | str) -> None:
    """Returns once somebody waits for a slot of a pool: they write it into the pool's file."""
    file = Path(store.path) / f"{pool if isinstance(pool, str) else pool.id}.shm"
    deadline = time.monotonic() + 20
    while file.read_bytes()[96:104] == bytes(8):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.0005)


def until_asleep(process: int, thread: int | None = None) -> None:
    """Returns once a thread of a process, by default its first, sleeps: it waits for what it was about to wait for."""
    stat = Path(f"/proc/{process}/task/{thread or process}/stat")
    deadline = time.monotonic() + 20
    while stat.read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < deadline, "it never sleeps"
        time.sleep(0.0005)


def session(store: Store, mode: Mode, calls: Callable[[Any], Awaitable[T]], *options: str, on_message: Any = None) -> T:
    """Starts the server as a host does, with the options of `serve`, and makes some calls."""

    async def run() -> T:
        async with asyncio.timeout(120), connect(store, mode, *options, on_message=on_message) as client:
            return await calls(client)

    return asyncio.run(run())


def connect(store: Store, mode: Mode, *options: str, on_message: Any = None) -> Client:
    """A client of a server of its own; `on_message` gets what the server says unasked."""
    server = StdioServerParameters(
        command=str(SERVER), args=["serve", *options], env={"DCC_MCP_SHM_DIR": store.path, "RUST_LOG": "warn"}
    )
    return Client(server, mode=mode, read_timeout_seconds=60, message_handler=on_message)


def text_of(result: Any) -> str:
    """What a host shows that shows text alone."""
    return "\n".join(content.text for content in result.content if content.type == "text")


def run_node(tool: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs a program of tests/node with the Node that make installed."""
    program = ROOT / "tests" / "node" / "node_modules" / ".bin" / tool
    command = [str(ROOT / ".tools" / "node" / "bin" / "node"), str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def take_turns(pool: str, turns: int) -> int:
    """Acquires a slot of a pool so often, and checks that what is written there stays. How often it did."""
    opened = BufferPool.open(pool)
    for turn in range(turns):
        with opened.acquire(timeout=30) as slot:
            assert slot.read() == b""
            data = f"{os.getpid()} {turn} ".encode() * 500
            slot.write(data)
            assert slot.read() == data, "somebody else has the same slot"
    return turns


def sum_of(descriptor: str) -> float:
    """The sum of an array of a scene, in whichever process this runs."""
    return float(np.asarray(SharedSceneBuffer.from_descriptor_json(descriptor)["a"]).sum())
