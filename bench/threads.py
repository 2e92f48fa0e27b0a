"""How far another Python thread gets while 1 GiB is written or read.

python threads.py
"""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from peers import CORE, OURS, STDLIB
from rounds import GIB, payload, progress, quick
from ways import WAYS, without_tracker

ALONE_SECONDS = 0.4
ROUNDS = 3


class Counter:
    """A thread that counts as fast as it can."""

    def __init__(self) -> None:
        """Start counting."""
        self.count = 0
        self._stop = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            self.count += 1

    def stop(self) -> None:
        """End the thread."""
        self._stop = True
        self._thread.join()

    def rate(self, work: Callable[[], object]) -> tuple[float, object]:
        """Counts a second while `work` runs, and what it returned."""
        first, start = self.count, time.perf_counter()
        result = work()
        return (self.count - first) / (time.perf_counter() - start), result


def write_method(way: str, data: bytes) -> Callable[[Counter], float]:
    """The other thread's rate while one way publishes."""

    def method(counter: Counter) -> float:
        """Publish once."""
        published: list[Any] = []
        rate, _ = counter.rate(lambda: published.extend(WAYS[way].publish(data)))
        published[1]()
        return rate

    return method


def methods(data: bytes, scene: SharedSceneBuffer) -> dict[str, Callable[[Counter], float]]:
    """What runs beside the counting thread."""

    def fill() -> SharedSceneBuffer:
        """Fill a scene in place."""
        with SharedSceneBuffer.writer({"data": ("u1", len(data))}) as w:
            np.copyto(np.asarray(w["data"]), np.frombuffer(data, np.uint8))
        return w.scene

    def fill_rate(counter: Counter) -> float:
        """The rate meanwhile."""
        rate, filled = counter.rate(fill)
        assert isinstance(filled, SharedSceneBuffer)
        filled.unlink()
        return rate

    return {
        f"{OURS}: write": write_method(OURS, data),
        f"{OURS}: read": lambda counter: counter.rate(scene.read)[0],
        f"{OURS}: fill in place with NumPy": fill_rate,
        f"{STDLIB}: create, buf[:] = data": write_method(STDLIB, data),
        f"{CORE}: write": write_method(CORE, data),
    }


def measure() -> list[dict[str, Any]]:
    """Each method beside the thread, and in each round how fast that is alone."""
    data = payload(GIB)
    scene = SharedSceneBuffer.write(data)
    ratios: dict[str, list[float]] = {}
    nobody = threading.Event()
    try:
        for turn in range(1 if quick() else ROUNDS):
            progress(f"round {turn + 1}")
            for name, method in methods(data, scene).items():
                counter = Counter()
                try:
                    alone, _ = counter.rate(lambda: nobody.wait(ALONE_SECONDS))
                    ratios.setdefault(name, []).append(method(counter) / alone)
                finally:
                    counter.stop()
    finally:
        scene.unlink()
    return [{"method": name, "ratios": values} for name, values in ratios.items()]


if __name__ == "__main__":
    without_tracker()
    print(json.dumps(measure()))
