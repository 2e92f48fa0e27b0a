"""Copies and waits let other Python threads go on."""

import threading
from collections.abc import Callable

import numpy as np
from dcc_mcp_shm import SharedBuffer, SharedSceneBuffer


def progress_during(work: Callable[[], object]) -> int:
    """How far another thread counts while the work is done."""
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
    before = count
    work()
    during = count - before
    stop.set()
    thread.join()
    return during


def test_writing_and_reading_release_the_interpreter() -> None:
    # With the interpreter held throughout, the counter would stand still but for the moments around the call: it is
    # handed over at most every 5 ms there, a few thousand counts. 256 MiB take some 100 ms.
    data = np.ones(256 << 20, dtype="u1")
    buffer = SharedBuffer.create(data.nbytes)
    scene = SharedSceneBuffer.write(data)
    held = progress_during(lambda: sum(range(1000)))
    for work in (
        lambda: SharedSceneBuffer.write(data).unlink(),
        lambda: buffer.write(data),
        buffer.read,
        scene.read,
    ):
        assert progress_during(work) > 10 * held + 10_000


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
