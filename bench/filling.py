"""Arrays filled in place, against a copy into memory that is there already.

python filling.py
"""

import json
import time
import zlib
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from numpy.typing import NDArray
from peers import FILE, FILL_ONLY, OURS, STDLIB, WARM, segment_name
from rounds import COLD, GIB, HOT, KIB, MIB, OBJECTS, Measurement, Method, cold_objects, progress, sweep
from ways import without_tracker
from writing import writer

# Rounds of each sweep; cold there is one.
HOT_ROUNDS = {16 * KIB: 20, 64 * KIB: 20, 256 * KIB: 10, MIB: 10, 4 * MIB: 5, 64 * MIB: 2, GIB: 1}

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


def measurements(size: int) -> list[Measurement]:
    """All ways, hot and cold."""
    progress(f"{size:,} bytes: check")
    source = np.arange(size // 4, dtype=np.float32)
    check(source)
    new = {OURS: fill_whole(source), STDLIB: fill_stdlib(source), FILE: writer(FILE, source.tobytes())}
    # What is there already is never cold.
    hot = new | {FILL_ONLY: fill_alone(source), WARM: warm_copy(source)}
    measured = [Measurement(size, HOT, hot, HOT_ROUNDS[size])]
    return measured if size in OBJECTS else [*measured, Measurement(size, COLD, new, 1)]


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    results = sweep([measurement for size in HOT_ROUNDS for measurement in measurements(size)])
    sources = {size: np.arange(size // 4, dtype=np.float32) for size in OBJECTS}
    cold = {size: {OURS: fill_whole(source), FILE: writer(FILE, source.tobytes())} for size, source in sources.items()}
    print(json.dumps(results + cold_objects(cold)))


if __name__ == "__main__":
    main()
