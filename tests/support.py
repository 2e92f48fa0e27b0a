"""What several tests need."""

from pathlib import Path

from dcc_mcp_shm import Store


def files_of(store: Store) -> list[str]:
    """The names of all buffers' files, finished or not."""
    return sorted(file.name for file in Path(store.path).iterdir() if ".shm" in file.name)
