"""How many reads are parts of several writes, while another process writes without a pause: here and in dcc-mcp-core.

.venv-bench/bin/python bench/torn_reads.py [reads]
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from dcc_mcp_shm import SharedBuffer
from peers import CORE, OURS
from ways import core

READS = 300
SIZES = tuple(16 << power for power in range(22))
"""16 bytes to 32 MiB: the sizes that writes have in turn."""


def data_of(write: int) -> bytes:
    """Data whose words all say which write they are of."""
    return np.full(SIZES[write % len(SIZES)] // 8, write, np.uint64).tobytes()


def is_whole(data: bytes) -> bool:
    """Whether data is of one write, all of it."""
    words = np.frombuffer(data, np.uint64)
    return len(words) > 0 and bool((words == words[0]).all()) and len(data) == SIZES[int(words[0]) % len(SIZES)]


def create(way: str) -> tuple[Any, str]:
    """A buffer for the largest write, and what leads another process to it."""
    if way == OURS:
        ours = SharedBuffer.create(SIZES[-1])
        return ours, ours.descriptor_json()
    buffer = core().PySharedBuffer.create(SIZES[-1])
    return buffer, f"{buffer.name()} {buffer.id}"


def attach(way: str, handle: str) -> Any:  # noqa: ANN401 (a buffer of either)
    """The same buffer in another process."""
    if way == OURS:
        return SharedBuffer.from_descriptor_json(handle)
    return core().PySharedBuffer.open(*handle.split())


def write_for_ever(way: str, handle: str) -> None:
    """Write without a pause, until killed."""
    buffer = attach(way, handle)
    writes = [data_of(write) for write in range(len(SIZES))]
    print(flush=True)
    while True:
        for data in writes:
            buffer.write(data)


@contextmanager
def writer(way: str, handle: str) -> Iterator[None]:
    """Another process that writes."""
    process = subprocess.Popen([sys.executable, __file__, way, handle], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield
    process.kill()
    process.communicate()


def torn(read: Callable[[], bytes], reads: int) -> int:
    """How many of so many reads, each of something new, are not of one write."""
    last: tuple[int, bytes, bytes] | None = None
    mixed = different = 0
    while different < reads:
        data = read()
        found = (len(data), data[:8], data[-8:])
        # A small write can be read thousands of times before the next.
        if found != last:
            different += 1
            mixed += not is_whole(data)
        last = found
    return mixed


def main(reads: int) -> None:
    """Print both counts."""
    for way in (OURS, CORE):
        buffer, handle = create(way)
        buffer.write(data_of(0))
        with writer(way, handle):
            print(f"{way}: {torn(buffer.read, reads)} of {reads} reads are parts of several writes", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:  # noqa: PLR2004 (started by the one above)
        write_for_ever(*sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as store:
        # dcc-mcp-core logs every call to stderr otherwise.
        os.environ |= {"DCC_MCP_SHM_DIR": store, "RUST_LOG": "off"}
        main(int(sys.argv[1]) if len(sys.argv) > 1 else READS)
