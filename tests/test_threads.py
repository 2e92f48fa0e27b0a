"""Copies and waits let other Python threads go on."""

import threading
import time
from collections.abc import Callable

import numpy as np
from dcc_mcp_shm import SharedBuffer, SharedSceneBuffer


def pace_during(work: Callable[[], object]) -> float:
    """How fast another thread counts while the work is done, per second."""
    stop = threading.Event()
    counting = threading.Event()
    count = 0

    def counter() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            counting.set()

    thread = threading.Thread(target=counter)
    thread.start()
    counting.wait()
    before, started = count, time.perf_counter()
    work()
    pace = (count - before) / (time.perf_counter() - started)
    stop.set()
    thread.join()
    return pace


def test_writing_and_reading_release_the_interpreter() -> None:
    # Held throughout, the interpreter is handed over at the ends of the call at most, for 5 ms of some 100.
    data = np.ones(256 << 20, dtype="u1")
    buffer = SharedBuffer.create(data.nbytes)
    scene = SharedSceneBuffer.write(data)
    # A machine that stands still takes of one measurement, not of all of three.
    alone = max(pace_during(lambda: threading.Event().wait(0.2)) for _ in range(3))
    for work in (
        lambda: SharedSceneBuffer.write(data).unlink(),
        lambda: buffer.write(data),
        buffer.read,
        scene.read,
    ):
        assert max(pace_during(work) for _ in range(3)) > alone / 5
    pace = min(pace_during(lambda: bytes(data)) for _ in range(3))
    assert pace < alone / 5, "a copy that holds the interpreter is noticed"


def test_threads_share_a_handle() -> None:
    buffer = SharedBuffer.create(1 << 16)
    payloads = [bytes([i]) * (1 << 16) for i in range(4)]
    buffer.write(payloads[0])
    wrong: list[bytes] = []

    def write(payload: bytes) -> None:
        for _ in range(500):
            buffer.write(payload)

    def read() -> None:
        wrong.extend(data for data in (buffer.read() for _ in range(500)) if data not in payloads)

    threads = [threading.Thread(target=write, args=(payload,)) for payload in payloads]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
