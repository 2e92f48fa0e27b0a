"""Reading data of another process: a sum over memory that is mapped, and a copy as `bytes`.

python reading.py             publishes, and starts the next as a second process
python reading.py consume     gets handles on stdin, and measures
"""

import json
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer
from numpy.typing import NDArray
from peers import CORE, FILE, OURS, PRIVATE, STDLIB
from rounds import HOT, MIDDLE, Method, interleave, payload, progress, python, quick, rows
from ways import WAYS, without_tracker

ROUNDS = 21
SUM, BYTES = "sum", "to bytes"
NEW_MAPPING = f"{OURS}, mapped anew"
BYTES_WAYS = (OURS, FILE, STDLIB, CORE)


def summing(numbers: NDArray[np.uint64]) -> Method:
    """Sum what is mapped, or private."""

    def method() -> float:
        """Sum once."""
        start = time.perf_counter()
        numbers.sum()
        return time.perf_counter() - start

    return method


def summing_anew(descriptor: str) -> Method:
    """Open, sum, close."""

    def method() -> float:
        """Sum once."""
        start = time.perf_counter()
        with SharedSceneBuffer.from_descriptor_json(descriptor) as scene:
            as_numbers(scene.view()).sum()
        return time.perf_counter() - start

    return method


def as_numbers(memory: memoryview) -> NDArray[np.uint64]:
    """The same memory."""
    return np.frombuffer(memory, np.uint64)


def copier(way: str, handle: str) -> Callable[[], bytes]:
    """What copies all of it out; a file is read, dcc-mcp-core has nothing else."""
    if way == OURS:
        return SharedSceneBuffer.from_descriptor_json(handle).read
    if way == FILE:
        return Path(handle).read_bytes

    def copy() -> bytes:
        """Copy once."""
        with WAYS[way].attach(handle) as memory:
            return memory if isinstance(memory, bytes) else bytes(memory)

    return copy


def copying(way: str, handle: str, expected: int) -> Method:
    """Copy out, after a check.

    Raises:
        RuntimeError: it is not the data.
    """
    copy = copier(way, handle)
    if zlib.crc32(copy()) != expected:
        raise RuntimeError(f"{way}: what arrived is not what was sent")

    def method() -> float:
        """Copy once; letting go of it does not count."""
        start = time.perf_counter()
        data = copy()
        seconds = time.perf_counter() - start
        del data
        return seconds

    return method


def consume(slot: str, handles: dict[str, str], expected: int) -> list[dict[str, Any]]:
    """Measure both."""
    rounds = 1 if quick() else ROUNDS
    mapped = as_numbers(SharedBuffer.from_descriptor_json(slot).view())
    private = mapped.copy()
    if zlib.crc32(private.data) != expected:
        raise RuntimeError("what arrived is not what was sent")
    sums = {OURS: summing(mapped), NEW_MAPPING: summing_anew(handles[OURS]), PRIVATE: summing(private)}
    copies = {way: copying(way, handle, expected) for way, handle in handles.items()}
    results = rows(MIDDLE, SUM, interleave(sums, rounds, HOT))
    return results + rows(MIDDLE, BYTES, interleave(copies, rounds, HOT))


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    if sys.argv[1:] == ["consume"]:
        print(json.dumps(consume(*json.load(sys.stdin))))
        return
    progress(f"{MIDDLE:,} bytes")
    data = payload(MIDDLE)
    with ExitStack() as removals:
        pool = removals.enter_context(BufferPool(1, MIDDLE))
        removals.callback(pool.unlink)
        slot = removals.enter_context(pool.acquire())
        slot.write(data)
        handles = {}
        for way in BYTES_WAYS:
            handles[way], remove = WAYS[way].publish(data)
            removals.callback(remove)
        message = json.dumps([slot.descriptor_json(), handles, zlib.crc32(data)])
        print(json.dumps(python("reading.py", "consume", stdin=message)))


if __name__ == "__main__":
    main()
