"""All that a small scene goes through: made, published, opened, viewed, removed.

python cycles.py
"""

import json
import time
from typing import Any

from rounds import SMALL, Method, interleave, payload, progress, quick, rows
from ways import WAYS, Way, without_tracker

ROUNDS = 1000


def cycle(way: Way, data: bytes) -> Method:
    """From bytes to a view of them, and nothing left."""

    def method() -> float:
        """Once."""
        start = time.perf_counter()
        handle, remove = way.publish(data)
        with way.attach(handle) as view:
            first = view[0]
            del view
        remove()
        seconds = time.perf_counter() - start
        assert first == data[0]
        return seconds

    return method


def measure() -> list[dict[str, Any]]:
    """All ways in turns, in one process: what it costs to start another one is not theirs."""
    progress(f"{SMALL:,} bytes")
    data = payload(SMALL)
    methods = {name: cycle(way, data) for name, way in WAYS.items()}
    return rows(SMALL, "", interleave(methods, 10 if quick() else ROUNDS))


if __name__ == "__main__":
    without_tracker()
    print(json.dumps(measure()))
