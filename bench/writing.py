"""Bytes into shared memory that did not exist before, until another process can see them.

python writing.py         measures
python writing.py check   gets {way: handle} on stdin and prints the checksums of what they lead to
"""

import json
import sys
import time
import zlib
from contextlib import ExitStack

from peers import CORE, FILE, OURS, STDLIB
from rounds import (
    COLD,
    HOT,
    KIB,
    LARGE,
    MIB,
    MIDDLE,
    OBJECTS,
    SMALL,
    Measurement,
    Method,
    cold_objects,
    payload,
    progress,
    python,
    sweep,
)
from ways import WAYS, checksum, without_tracker

# Rounds of each sweep; cold there is one.
HOT_ROUNDS = {
    SMALL: 20,
    16 * KIB: 20,
    64 * KIB: 20,
    256 * KIB: 10,
    MIB: 10,
    4 * MIB: 5,
    16 * MIB: 2,
    MIDDLE: 2,
    256 * MIB: 1,
    LARGE: 1,
}
COLD_SIZES = (MIDDLE, LARGE)
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


def measurements(size: int) -> list[Measurement]:
    """All ways, hot and cold."""
    progress(f"{size:,} bytes: check")
    data = payload(size)
    check(data)
    methods = {way: writer(way, data) for way in WAYS}
    hot = Measurement(size, HOT, methods, HOT_ROUNDS[size])
    cold = Measurement(size, COLD, {way: methods[way] for way in COLD_WAYS}, 1)
    return [hot, cold] if size in COLD_SIZES else [hot]


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    if sys.argv[1:2] == ["check"]:
        print(json.dumps({way: checksum(way, handle) for way, handle in json.load(sys.stdin).items()}))
        return
    results = sweep([measurement for size in HOT_ROUNDS for measurement in measurements(size)])
    data = {size: payload(size) for size in OBJECTS}
    results += cold_objects({size: {way: writer(way, data[size]) for way in (OURS, FILE)} for size in OBJECTS})
    print(json.dumps(results + python("ray_store.py", "writing")))


if __name__ == "__main__":
    main()
