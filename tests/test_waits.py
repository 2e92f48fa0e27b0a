"""Waits: other threads go on, signals end them, and nothing is left behind."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import dcc_mcp_shm as shm
import pytest
from dcc_mcp_shm import BufferPool, Store
from support import until_somebody_waits

LONG = 60
"""Longer than any wait here, in seconds, and than a test may take."""


def started(code: str) -> "subprocess.Popen[str]":
    """A process that has printed `ready`."""
    command = [sys.executable, "-c", f"import dcc_mcp_shm as shm, signal, sys, threading, time\n{code}"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    return process


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its status and what it wrote, within a time that no wait to its end would fit in."""
    out, err = process.communicate(timeout=LONG / 3)
    return process.returncode, out.strip(), err


def test_a_thread_that_waits_for_a_slot_lets_others_go_on(store: Store) -> None:
    pool = BufferPool(1, 64)
    slot = pool.acquire()
    got: list[shm.SharedBuffer] = []
    thread = threading.Thread(target=lambda: got.append(pool.acquire(timeout=LONG)))
    thread.start()
    until_somebody_waits(store, pool)
    for _ in range(1000):
        slot.write(b"the others go on")
    assert not got
    slot.close()
    thread.join(LONG / 3)
    assert [buffer.read() for buffer in got] == [b""]


def test_a_wait_that_is_over_says_who_has_the_slots() -> None:
    pool = BufferPool(1, 64, name="viewport")
    process = started("slot = shm.BufferPool.open('viewport').acquire()\nprint('ready', flush=True)\nsys.stdin.read()")
    for timeout in (None, 0, 0.05):
        with pytest.raises(shm.Exhausted, match=rf"process {process.pid}\) has 1") as error:
            pool.acquire(timeout)
        assert [holder["pid"] for holder in error.value.holders] == [process.pid]
        assert error.value.waited >= (timeout or 0)
    for wrong in (-1, math.nan):
        with pytest.raises(shm.InvalidArgument, match="timeout"):
            pool.acquire(wrong)
    process.kill()
    pool.acquire(math.inf)
    ended(process)


@pytest.mark.parametrize("timeout", [LONG, math.inf])
def test_ctrl_c_ends_a_wait(store: Store, timeout: float) -> None:
    process = started(
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "pool = shm.BufferPool(1, 64, name='viewport')\n"
        "slot = pool.acquire()\n"
        "print('ready', flush=True)\n"
        "try:\n"
        f"    pool.acquire(timeout=float('{timeout}'))\n"
        "except KeyboardInterrupt:\n"
        "    slot.close()\n"
        "    print(pool.acquire(timeout=0).write(b'still usable'))\n"
    )
    until_somebody_waits(store, store.pools()[0]["id"])
    process.send_signal(signal.SIGINT)
    assert ended(process)[:2] == (0, "12")


def test_a_signal_whose_handler_returns_ends_no_wait() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: seen.append(number))
    try:
        pool = BufferPool(1, 64)
        slot = pool.acquire()

        def signals_and_gives_back() -> None:
            for _ in range(5):
                os.kill(os.getpid(), signal.SIGUSR1)
            deadline = time.monotonic() + LONG / 3
            while not seen and time.monotonic() < deadline:
                time.sleep(0.001)
            slot.close()

        thread = threading.Thread(target=signals_and_gives_back)
        thread.start()
        pool.acquire(timeout=LONG).close()
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen, "handlers run during the wait"


def test_an_interpreter_can_end_while_a_thread_waits(store: Store) -> None:
    process = started(
        "pool = shm.BufferPool(1, 64)\n"
        "slot = pool.acquire()\n"
        f"threading.Thread(target=pool.acquire, args=({LONG},), daemon=True).start()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    until_somebody_waits(store, store.pools()[0]["id"])
    status, _, err = ended(process)
    assert (status, err) == (0, "")


def in_fork(child: Callable[[], bool]) -> int:
    """Runs a function in a forked child, whose status is 0 if that is true, and returns the child's id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if child() else 2
        finally:
            os._exit(status)
    return pid


def test_a_forked_child_waits_for_its_parents_slot(store: Store) -> None:
    pool = BufferPool(1, 64)
    slot = pool.acquire()
    pid = in_fork(lambda: pool.acquire(timeout=LONG).read() == b"")
    until_somebody_waits(store, pool)
    with pytest.raises(shm.Exhausted):
        pool.acquire()
    slot.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    pool.acquire(timeout=LONG)
