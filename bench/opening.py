"""From a descriptor to a view of data that another process made.

python opening.py             publishes, and starts the next as a second process
python opening.py consume     gets a size and {way: [handle, checksum]} on stdin, and measures
"""

import json
import sys
import time
import zlib
from contextlib import ExitStack
from typing import Any

from dcc_mcp_shm import SharedBuffer
from iceoryx import samples
from peers import CORE, ICEORYX, KEPT, STDLIB, TRACKED
from rounds import MIB, MIDDLE, SIZES, Method, interleave, payload, progress, python, quick, rows
from ways import WAYS, Attach, attach_tracked, checksum, without_tracker

ROUNDS = 300
# It has no views, so opening takes as long as reading, and what it reads would drive the others' memory out of caches.
# Its scenes of more than 256 MiB do not open elsewhere.
CORE_ROUNDS = {MIB: 20, 16 * MIB: 20, MIDDLE: 20, 256 * MIB: 3}
CORE_LARGEST = 256 * MIB


def opener(attach: Attach, handle: str) -> Method:
    """Open, look at the first byte; letting go of it does not count."""

    def method() -> float:
        """Open once."""
        start = time.perf_counter()
        with attach(handle) as view:
            first = view[0]
            seconds = time.perf_counter() - start
            assert first == 0
            del view
        return seconds

    return method


def kept(size: int) -> Method:
    """View a buffer that is open and mapped: what a receiver of iceoryx2 has."""
    buffer = SharedBuffer.create(size, unlink_on_close=True)
    buffer.write(payload(size))

    def method() -> float:
        """View once."""
        start = time.perf_counter()
        view = buffer.view()
        first = view[0]
        seconds = time.perf_counter() - start
        assert first == 0
        return seconds

    return method


def consume(size: int, handles: dict[str, Any]) -> list[dict[str, Any]]:
    """Check that all handles lead to the data, then time them."""
    for way, (handle, expected) in handles.items():
        if checksum(way, handle) != expected:
            raise RuntimeError(f"{way}: what arrived is not what was sent")
    methods = {way: opener(WAYS[way].attach, handle) for way, (handle, _) in handles.items()}
    methods[TRACKED] = opener(attach_tracked, handles[STDLIB][0])
    methods[KEPT] = kept(size)
    slow = {CORE: methods.pop(CORE)} if size in CORE_ROUNDS else {}
    with samples(size) as methods[ICEORYX]:
        seconds = interleave(methods, 10 if quick() else ROUNDS)
    seconds |= interleave(slow, CORE_ROUNDS.get(size, 0))
    return rows(size, "", seconds)


def publish(size: int) -> list[dict[str, Any]]:
    """Publish one payload in every way, and have a second process measure."""
    data = payload(size)
    crc = zlib.crc32(data)
    with ExitStack() as removals:
        handles = {}
        for way in WAYS:
            if way == CORE and size > CORE_LARGEST:
                continue
            handle, remove = WAYS[way].publish(data)
            removals.callback(remove)
            handles[way] = [handle, crc]
        return list(python("opening.py", "consume", stdin=json.dumps([size, handles])))


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    if sys.argv[1:] == ["consume"]:
        print(json.dumps(consume(*json.load(sys.stdin))))
        return
    results = []
    for size in SIZES:
        progress(f"{size:,} bytes")
        results += publish(size)
    print(json.dumps(results + python("ray_store.py", "opening")))


if __name__ == "__main__":
    main()
