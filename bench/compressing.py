"""Scene data made small on the way into shared memory, and whole again on the way out.

python compressing.py          measures with 1 and 2 threads, each in a process of its own
python compressing.py THREADS  measures on so many processors
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import blosc2
import lz4.frame
from dcc_mcp_shm import SharedSceneBuffer
from peers import MEMORY, OURS, segment_name
from rounds import interleave, progress, python, quick
from scene_data import DATA, Array

ROUNDS = 7
LZ4 = "lz4"
SHUFFLE, BITSHUFFLE = "blosc2, LZ4, shuffle", "blosc2, LZ4, bitshuffle"
FILTERS = {SHUFFLE: blosc2.Filter.SHUFFLE, BITSHUFFLE: blosc2.Filter.BITSHUFFLE}
# Blocks of it are as large as a chunk of ours, which it would cut smaller otherwise.
BLOCK = 1 << 20

Write = Callable[[], tuple[int, Callable[[], bytes], Callable[[], None]]]


def write_ours(array: Array) -> tuple[int, Callable[[], bytes], Callable[[], None]]:
    """A compressed scene of one array: its stored size, what reads it, what removes it."""
    scene = SharedSceneBuffer.write_arrays({"data": array}, use_compression=True)
    return json.loads(scene.descriptor_json())["stored_bytes"], scene.read, scene.unlink


def write_blosc(array: Array, kind: blosc2.Filter, threads: int) -> tuple[int, Callable[[], bytes], Callable[[], None]]:
    """The same by blosc2, into a file in tmpfs."""
    parameters = blosc2.CParams(
        codec=blosc2.Codec.LZ4, clevel=5, filters=[kind], typesize=array.itemsize, nthreads=threads, blocksize=BLOCK
    )
    path = MEMORY / segment_name()
    blosc2.SChunk(
        chunksize=16 * BLOCK,
        data=array,
        urlpath=str(path),
        contiguous=True,
        mode="w",
        cparams=parameters,
        dparams=blosc2.DParams(nthreads=threads),
    )

    def read() -> bytes:
        """Open it and decompress all."""
        opened = blosc2.open(str(path), mode="r", dparams=blosc2.DParams(nthreads=threads))
        return bytes(opened[:])

    return path.stat().st_size, read, path.unlink


def write_lz4(array: Array) -> tuple[int, Callable[[], bytes], Callable[[], None]]:
    """The same by the LZ4 library in C, as one frame in a tmpfs file."""
    path = MEMORY / segment_name()
    path.write_bytes(lz4.frame.compress(array.data, block_size=lz4.frame.BLOCKSIZE_MAX1MB, block_linked=False))

    def read() -> bytes:
        """Read and decompress all."""
        return bytes(lz4.frame.decompress(path.read_bytes()))

    return path.stat().st_size, read, path.unlink


@contextmanager
def written(write: Write) -> Iterator[tuple[int, Callable[[], bytes]]]:
    """What was written, until the end of the block."""
    size, read, remove = write()
    try:
        yield size, read
    finally:
        remove()


def time_writing(write: Write) -> float:
    """Seconds of one writing."""
    start = time.perf_counter()
    _, _, remove = write()
    seconds = time.perf_counter() - start
    remove()
    return seconds


def time_reading(read: Callable[[], bytes]) -> float:
    """Seconds of one reading."""
    start = time.perf_counter()
    read()
    return time.perf_counter() - start


def measure(threads: int) -> list[dict[str, Any]]:
    """All data, in all ways, on so many processors."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    rounds, results = 1 if quick() else ROUNDS, []
    for name, make in DATA.items():
        array = make()
        progress(f"{name}, {threads} threads")
        writers: dict[str, Write] = {OURS: partial(write_ours, array)}
        writers |= {way: partial(write_blosc, array, kind, threads) for way, kind in FILTERS.items()}
        if threads == 1:
            writers[LZ4] = partial(write_lz4, array)
        stored, readers = {}, {}
        writing = interleave({way: partial(time_writing, write) for way, write in writers.items()}, rounds, "hot")
        for way, write in writers.items():
            with written(write) as (size, read):
                if read() != array.tobytes():
                    raise RuntimeError(f"{way}, {name}: what was read is not what was written")
                stored[way] = size
        reading: dict[str, list[float]] = {}
        kept = [(way, *write()) for way, write in writers.items()]
        readers = {way: partial(time_reading, read) for way, _, read, _ in kept}
        reading = interleave(readers, rounds, "hot")
        for _, _, _, remove in kept:
            remove()
        results += [
            {
                "data": name,
                "bytes": array.nbytes,
                "stored": stored[way],
                "method": way,
                "threads": threads,
                "writing": writing[way],
                "reading": reading[way],
            }
            for way in writers
        ]
    return results


def main() -> None:
    """Print the results as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    print(json.dumps([row for threads in (1, 2) for row in python(Path(__file__).name, str(threads))]))


if __name__ == "__main__":
    main()
