"""Bytes into shared memory that did not exist before, until another process can see them.

python writing.py         measures
python writing.py check   gets {way: handle} on stdin and prints the checksums of what they lead to
"""

import json
import sys
import time
import zlib
from contextlib import ExitStack
from typing import Any

from peers import CORE, FILE, OURS, STDLIB
from rounds import COLD, HOT, KIB, LARGE, MIB, MIDDLE, SMALL, Method, interleave, payload, progress, python, quick, rows
from ways import WAYS, checksum, without_tracker

HOT_ROUNDS = {SMALL: 200, 64 * KIB: 100, MIB: 50, 16 * MIB: 11, MIDDLE: 11, 256 * MIB: 3, LARGE: 5}
COLD_ROUNDS = {MIDDLE: 7, LARGE: 5}
# Each needs seconds of rest before; the others get their memory as one of these does.
COLD_WAYS = (OURS, FILE, STDLIB, CORE)


def writer(way: str, data: bytes) -> Method:
    """Publish; removing it does not count."""
    publish = WAYS[way].publish

    def method() -> float:
        """Publish once."""
        start = time.perf_counter()
        _, remove = publish(data)
        seconds = time.perf_counter() - start
        remove()
        return seconds

    return method


def check(data: bytes) -> None:
    """Have another process compare what one publication of each way leads to.

    Raises:
        RuntimeError: it is not the data.
    """
    with ExitStack() as removals:
        handles = {}
        for way in WAYS:
            if way != CORE or len(data) < LARGE:  # its large scenes do not open in another process
                handles[way], remove = WAYS[way].publish(data)
                removals.callback(remove)
        arrived = python("writing.py", "check", stdin=json.dumps(handles))
    if wrong := [way for way in handles if arrived[way] != zlib.crc32(data)]:
        raise RuntimeError(f"{', '.join(wrong)}: what arrived is not what was sent")


def measure(size: int) -> list[dict[str, Any]]:
    """All ways, hot and cold."""
    data = payload(size)
    check(data)
    methods = {way: writer(way, data) for way in WAYS}
    progress(f"{size:,} bytes")
    results = rows(size, HOT, interleave(methods, 1 if quick() else HOT_ROUNDS[size], HOT))
    if size in COLD_ROUNDS:
        progress(f"{size:,} bytes, cold memory")
        cold = {way: methods[way] for way in COLD_WAYS}
        results += rows(size, COLD, interleave(cold, 1 if quick() else COLD_ROUNDS[size], COLD))
    return results


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    if sys.argv[1:2] == ["check"]:
        print(json.dumps({way: checksum(way, handle) for way, handle in json.load(sys.stdin).items()}))
        return
    results = [row for size in HOT_ROUNDS for row in measure(size)]
    print(json.dumps(results + python("ray_store.py", "writing")))


if __name__ == "__main__":
    main()
