"""What several tests need."""

import time
from pathlib import Path

from dcc_mcp_shm import BufferPool, Store


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
