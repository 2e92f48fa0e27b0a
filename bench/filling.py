"""Arrays filled in place, against a copy into memory that is there already.

python filling.py
"""

import json
import time
import zlib
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from numpy.typing import NDArray
from peers import FILL_ONLY, OURS, STDLIB, WARM, segment_name
from rounds import COLD, GIB, HOT, MIB, Method, interleave, progress, quick, rows
from ways import without_tracker

HOT_ROUNDS = {64 * MIB: 11, GIB: 5}
COLD_ROUNDS = {64 * MIB: 7, GIB: 5}

Array = NDArray[np.float32]


def warm_copy(source: Array) -> Method:
    """One pass over memory that this process has had before: no way of sharing can be faster."""
    target = np.empty_like(source)
    target.fill(0)

    def method() -> float:
        """Copy once."""
        start = time.perf_counter()
        np.copyto(target, source)
        return time.perf_counter() - start

    return method


def fill_scene(source: Array) -> SharedSceneBuffer:
    """Fill a new scene with one pass."""
    with SharedSceneBuffer.writer({"data": ("f4", source.shape)}, kind="Geometry") as w:
        # Not kept: a view that outlives the block makes sealing replace its memory.
        np.copyto(np.asarray(w["data"]), source)
    return w.scene


def check(source: Array) -> None:
    """See once that what is filled in is what another handle reads."""
    filled = fill_scene(source)
    with SharedSceneBuffer.from_descriptor_json(filled.descriptor_json()) as scene:
        assert zlib.crc32(scene["data"]) == zlib.crc32(source.data)
    filled.unlink()


def fill_whole(source: Array) -> Method:
    """Make a scene, fill it, seal it."""

    def method() -> float:
        """Fill once."""
        start = time.perf_counter()
        scene = fill_scene(source)
        seconds = time.perf_counter() - start
        scene.unlink()
        return seconds

    return method


def fill_alone(source: Array) -> Method:
    """The pass over a scene's memory, without making and sealing it."""

    def method() -> float:
        """Fill once."""
        writer = SharedSceneBuffer.writer({"data": ("f4", source.shape)}, kind="Geometry")
        start = time.perf_counter()
        np.copyto(np.asarray(writer["data"]), source)
        seconds = time.perf_counter() - start
        writer.abort()
        return seconds

    return method


def fill_stdlib(source: Array) -> Method:
    """Fill a new segment of the standard library."""

    def method() -> float:
        """Fill once."""
        start = time.perf_counter()
        segment = SharedMemory(segment_name(), create=True, size=source.nbytes)
        target = np.ndarray(source.shape, source.dtype, segment.buf)
        np.copyto(target, source)
        seconds = time.perf_counter() - start
        del target
        segment.close()
        segment.unlink()
        return seconds

    return method


def measure(size: int) -> list[dict[str, Any]]:
    """All ways, hot and cold."""
    source = np.arange(size // 4, dtype=np.float32)
    check(source)
    methods = {
        OURS: fill_whole(source),
        FILL_ONLY: fill_alone(source),
        WARM: warm_copy(source),
        STDLIB: fill_stdlib(source),
    }
    progress(f"{size:,} bytes")
    results = rows(size, HOT, interleave(methods, 1 if quick() else HOT_ROUNDS[size], HOT))
    progress(f"{size:,} bytes, cold memory")
    del methods[FILL_ONLY], methods[WARM]  # what is there already is never cold
    results += rows(size, COLD, interleave(methods, 1 if quick() else COLD_ROUNDS[size], COLD))
    return results


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    print(json.dumps([row for size in HOT_ROUNDS for row in measure(size)]))


if __name__ == "__main__":
    main()
