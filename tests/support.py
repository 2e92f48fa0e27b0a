"""What several tests need."""

import os

from dcc_mcp_shm import Store


def files_of(store: Store) -> list[str]:
    """The names of all buffers' files, finished or not."""
    return sorted(name for name in os.listdir(store.path) if ".shm" in name)
