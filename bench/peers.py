"""The peers by name, and the names of what they make in /dev/shm, so that all of it can be removed."""

import os
import uuid
from pathlib import Path

OURS = "dcc-mcp-shm"
# What is measured of it beside a whole operation.
KEPT = f"{OURS}, handle kept"
FILL_ONLY = f"{OURS}, the copy alone"
IN_PLACE = f"{OURS}, in place"
FILE = "os.write, mmap"
MEMMAP = "numpy.memmap"
STDLIB = "stdlib SharedMemory"
TRACKED = "stdlib SharedMemory, tracked"
CORE = "dcc-mcp-core"
ARROW = "pyarrow"
ICEORYX = "iceoryx2"
RAY = "ray"
# No peers, but limits: what a process does with memory that it had before.
WARM = "copy into warm memory"
PRIVATE = "private memory"

MEMORY = Path("/dev/shm")  # noqa: S108 (where the standard library has its segments)
# Every segment outside the store has a name that starts with this, so that run.py can remove what a crash leaves.
PREFIX_VARIABLE = "DCC_MCP_SHM_BENCH_PREFIX"
# dcc-mcp-core names its segments itself: they are noted in this file.
NOTES_VARIABLE = "DCC_MCP_SHM_BENCH_NOTES"


def segment_name() -> str:
    """A new name for a segment or a file in /dev/shm."""
    return f"{os.environ[PREFIX_VARIABLE]}-{uuid.uuid4().hex}"
