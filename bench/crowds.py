"""Many threads, and many processes, that open one scene at the same time.

python crowds.py
"""

import json
import resource
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from peers import FILE, OURS
from rounds import MIB, payload, progress, quick
from ways import WAYS

THREADS, PROCESSES = (1, 10, 100, 1000), (1, 10, 100, 200)
# Of all members together, so that the rounds of small and of large crowds take the same time.
OPENINGS = 10_000
ROUNDS = 5
TIMEOUT = 60.0

Span = tuple[float, float]


def open_often(way: str, handle: str, times: int) -> Span:
    """Open, view, look at the first byte, let go, again and again; when it began and ended."""
    attach = WAYS[way].attach
    start = time.perf_counter()
    for _ in range(times):
        with attach(handle) as view:
            assert view[0] == 0
            del view
    return start, time.perf_counter()


def threads(way: str, handle: str, members: int) -> list[Span]:
    """Threads that start together."""
    barrier = threading.Barrier(members)
    spans: list[Span] = []

    def member() -> None:
        """One of them."""
        open_often(way, handle, 1)
        barrier.wait(TIMEOUT)
        spans.append(open_often(way, handle, OPENINGS // members))

    crowd = [threading.Thread(target=member) for _ in range(members)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return spans


def process_member(way: str, handle: str, times: int, ready: Any, results: Connection) -> None:  # noqa: ANN401 (no public type)
    """One process of a crowd: its first time, which copies what it shares with its parent, and its end do not count."""
    open_often(way, handle, 1)
    ready.wait(TIMEOUT)
    span = open_often(way, handle, times)
    ready.wait(TIMEOUT)
    results.send(span)


def processes(way: str, handle: str, members: int) -> list[Span]:
    """Processes that start together; perf_counter has one clock for all of them."""
    context = get_context("fork")
    barrier = context.Barrier(members)
    crowd = []
    for _ in range(members):
        receive, send = context.Pipe(duplex=False)
        process = context.Process(
            target=process_member, args=(way, handle, OPENINGS // members, barrier, send), daemon=True
        )
        process.start()
        send.close()
        crowd.append((process, receive))
    spans: list[Span] = [receive.recv() for _, receive in crowd]
    for process, _ in crowd:
        process.join()
    return spans


def seconds_each(crowd: Callable[[str, str, int], list[Span]], way: str, handle: str, members: int) -> float:
    """From the first beginning to the last end, by the number of openings.

    Raises:
        RuntimeError: not every member did its part.
    """
    spans = crowd(way, handle, members)
    if len(spans) != members:
        raise RuntimeError("a member of the crowd failed")
    return (max(end for _, end in spans) - min(start for start, _ in spans)) / (OPENINGS // members * members)


def measure(handles: dict[str, str]) -> list[dict[str, Any]]:
    """Crowds of all sizes in turns."""
    results: dict[tuple[str, int, str], list[float]] = {}
    for turn in range(1 if quick() else ROUNDS):
        progress(f"round {turn + 1}")
        for name, crowd, sizes in (("threads", threads, THREADS), ("processes", processes, PROCESSES)):
            for members in sizes:
                for way, handle in handles.items():
                    each = seconds_each(crowd, way, handle, members)
                    results.setdefault((name, members, way), []).append(each)
    return [
        {"crowd": name, "members": members, "method": way, "seconds": seconds}
        for (name, members, way), seconds in results.items()
    ]


def main() -> None:
    """Print the results as JSON."""
    # Every thread has a file open.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with ExitStack() as removals:
        handles = {}
        for way in (OURS, FILE):
            handles[way], remove = WAYS[way].publish(payload(MIB))
            removals.callback(remove)
        print(json.dumps(measure(handles)))


if __name__ == "__main__":
    main()
