"""Many small scenes: made, listed, opened, read and deleted, against plain files and a listing in JSON.

python many.py
"""

import json
import os
import time
from typing import Any

from dcc_mcp_shm import SharedSceneBuffer, Store
from peers import FILE, MEMORY, OURS, segment_name
from rounds import KIB, Method, interleave, payload, progress, quick, rows

COUNT, SIZE = 10_000, 20 * KIB
ROUNDS = 5


def scenes(data: bytes, count: int) -> Method:
    """By this module, in a store of its own."""
    store = Store(MEMORY / f"{segment_name()}-store")

    def method() -> float:
        """All of them."""
        start = time.perf_counter()
        for _ in range(count):
            SharedSceneBuffer.write(data, store=store)
        listed = store.list()
        assert len(listed) == count
        for entry in listed:
            with SharedSceneBuffer.open(entry["id"], store=store) as scene:
                assert len(scene.read()) == SIZE
                scene.unlink()
        return time.perf_counter() - start

    return method


def files(data: bytes, count: int) -> Method:
    """By what Python has for files; the listing has what a program asks for first."""
    directory = MEMORY / f"{segment_name()}-files"
    directory.mkdir()

    def method() -> float:
        """All of them."""
        start = time.perf_counter()
        for number in range(count):
            file = os.open(directory / f"{number:08}.bin", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            os.write(file, data)
            os.close(file)
        listing = [{"id": entry.name, "size_bytes": entry.stat().st_size} for entry in os.scandir(directory)]
        listed = json.loads(json.dumps(listing))
        assert len(listed) == count
        for entry in listed:
            path = directory / entry["id"]
            assert len(path.read_bytes()) == SIZE
            path.unlink()
        return time.perf_counter() - start

    return method


def measure() -> list[dict[str, Any]]:
    """In turns."""
    count = 100 if quick() else COUNT
    progress(f"{count:,} of {SIZE:,} bytes")
    data = payload(SIZE)
    methods = {OURS: scenes(data, count), FILE: files(data, count)}
    return rows(SIZE, f"{count:,} of them", interleave(methods, 1 if quick() else ROUNDS))


if __name__ == "__main__":
    print(json.dumps(measure()))
