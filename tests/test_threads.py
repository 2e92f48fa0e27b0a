"""Copies and waits let other Python threads go on."""

import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from dcc_mcp_shm import SharedBuffer, SharedSceneBuffer

# Longer than any test: nobody takes the interpreter from a thread that does not give it up.
FOREVER = 1000


def goes_on_during(work: Callable[[], object]) -> bool:
    """Whether another Python thread runs while the work is done, which it does only if the work lets it."""
    stop = threading.Event()
    counting = threading.Event()
    count = 0

    def counter() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            counting.set()
            # Gives the interpreter up, and asks for it again.
            time.sleep(0)

    thread = threading.Thread(target=counter)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(FOREVER)
    try:
        thread.start()
        counting.wait()
        before = count
        work()
        return count > before
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        thread.join()


def test_writing_and_reading_release_the_interpreter() -> None:
    data = np.ones(256 << 20, dtype="u1")
    buffer = SharedBuffer.create(data.nbytes)
    scene = SharedSceneBuffer.write(data)
    made = []
    for work in (
        lambda: made.append(SharedSceneBuffer.write(data)),
        lambda: buffer.write(data),
        buffer.read,
        scene.read,
    ):
        # On a busy machine the other thread may get no processor for as long as one of them takes.
        assert any(goes_on_during(work) for _ in range(5))
        while made:
            made.pop().unlink()
    assert not any(goes_on_during(lambda: bytes(data)) for _ in range(5)), (
        "a copy that holds the interpreter is noticed"
    )


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
