"""What several tests need."""

import os
import subprocess
import time
from pathlib import Path

from dcc_mcp_shm import BufferPool, Store

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "target" / "release" / "dcc-mcp-shm"


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
