"""How much of what small data costs is spent in the kernel: what the system calls take, whatever a library does.

python kernel.py
"""

import json
import resource
import time
from collections.abc import Callable, Mapping
from typing import Any

import many
from cycles import cycle
from opening import opener
from peers import FILE, OURS
from rounds import KIB, MIB, SMALL, Method, payload, progress, quick
from ways import WAYS, without_tracker

OPENED = (16 * KIB, MIB)
# Of many small scenes, for one time.
COUNT = 1000
ROUNDS = 5
# The kernel looks at its clock's ticks to tell the two apart, of which there are some hundred in a second.
SECONDS = 1.0

# In the kernel, and outside of it.
Spent = tuple[float, float]


def spent(method: Method) -> Spent:
    """Seconds of one time that this process spends in the kernel and outside, all that the method does included."""
    before, start, times = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), 0
    while times == 0 or (time.perf_counter() - start < SECONDS and not quick()):
        method()
        times += 1
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_stime - before.ru_stime) / times, (after.ru_utime - before.ru_utime) / times


def pairs() -> dict[tuple[str, int], Mapping[str, Method]]:
    """By what is done and the size: ours, and bare files."""
    methods: dict[tuple[str, int], Mapping[str, Method]] = {}

    def add(what: str, size: int, method: Callable[[str, bytes], Method]) -> None:
        """Both ways of it."""
        methods[what, size] = {way: method(way, payload(size)) for way in (OURS, FILE)}

    for size in OPENED:
        add("opened and let go", size, lambda way, data: opener(WAYS[way].attach, WAYS[way].publish(data)[0]))
    add("a life", SMALL, lambda way, data: cycle(WAYS[way], data))
    count = 100 if quick() else COUNT
    makers = {OURS: many.scenes, FILE: many.files}
    add(f"{count:,} of them", many.SIZE, lambda way, data: makers[way](data, count))
    return methods


def measure() -> list[dict[str, Any]]:
    """In turns."""
    found: dict[tuple[str, int, str], list[Spent]] = {}
    methods = pairs()
    for turn in range(1 if quick() else ROUNDS):
        progress(f"round {turn + 1}")
        for (what, size), ways in methods.items():
            for way, method in ways.items():
                found.setdefault((what, size, way), []).append(spent(method))
    return [
        {
            "size": size,
            "condition": what,
            "method": way,
            "kernel": [kernel for kernel, _ in each],
            "user": [user for _, user in each],
        }
        for (what, size, way), each in found.items()
    ]


if __name__ == "__main__":
    without_tracker()
    print(json.dumps(measure()))
