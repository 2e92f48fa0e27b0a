"""Waits: other threads go on, signals end them, and nothing is left behind."""

import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dcc_mcp_shm as shm
import pytest
from conftest import RunPython
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store
from support import take_turns, until_asleep, until_somebody_waits

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


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_share_a_pool(method: str) -> None:
    pool = BufferPool(2, 1 << 14, name="workers")
    mine = pool.acquire()
    with multiprocessing.get_context(method).Pool(4) as workers:
        done = workers.starmap_async(take_turns, [("workers", 50)] * 4)
        mine.write(b"kept meanwhile")
        assert done.get(LONG) == [50] * 4
        assert mine.read() == b"kept meanwhile"
        workers.close()
        workers.join()
    mine.close()
    assert pool.available() == 2


def test_a_reader_waits_for_each_write_of_another_process() -> None:
    buffer = SharedBuffer.create(64, name="frame")
    seen = buffer.sequence
    assert buffer.wait(seen, timeout=0) is None
    assert buffer.wait(seen, timeout=0.01) is None
    process = started(
        "buf, seen = shm.SharedBuffer.open(id='frame'), 0\n"
        "print('ready', flush=True)\n"
        "while seen := buf.wait(seen):\n"
        "    frame = buf.read()\n"
        "    print(frame.decode(), flush=True)\n"
        "    if frame == b'last': break\n"
    )
    assert process.stdout is not None
    for frame in ("1", "2", "3"):
        buffer.write(frame.encode())
        assert process.stdout.readline().strip() == frame
    buffer.write(b"last")
    assert ended(process)[:2] == (0, "last")


def test_a_reader_waits_for_what_another_process_shares(store: Store) -> None:
    seen = store.list()
    process = started(
        "store = shm.Store()\n"
        "seen = store.list()\n"
        "print('ready', flush=True)\n"
        "while came := store.wait(kind='Geometry', source_dcc='blender', after=seen):\n"
        "    seen += came\n"
        "    print(*[scene['name'] for scene in came], flush=True)\n"
        "    if came[-1]['name'] == 'last': break\n"
    )
    assert process.stdout is not None
    SharedSceneBuffer.write(b"x", "Screenshot", "Blender", name="a picture")
    for name in ("1", "2", "3"):
        SharedSceneBuffer.write(b"x", "Geometry", "Blender 5.0.1", name=name)
        assert process.stdout.readline().strip() == name
    with SharedSceneBuffer.writer({"a": ("u1", 1)}, kind="Geometry", source_dcc="Blender", name="last"):
        pass
    assert ended(process)[:2] == (0, "last")
    # Published before the wait began: with the listing that they were not in, they come all the same.
    came = store.wait(after=seen, timeout=LONG)
    assert [scene["name"] for scene in came] == ["a picture", "1", "2", "3", "last"]
    assert store.wait(after=store.list(), timeout=0) == []
    assert store.wait(timeout=0.01) == []
    assert store.wait(name="last", after=[]) == came[-1:]
    assert store.wait(group="none", after=[], timeout=0) == []


def test_an_empty_scene_ends_a_wait_when_it_is_filled(store: Store, run_python: RunPython) -> None:
    scene = SharedSceneBuffer.create_empty({"a": ("u1", 3)}, name="hero")
    assert store.wait(name="hero", after=[], timeout=0.01) == []
    seen = store.list()
    run_python("import dcc_mcp_shm as shm\nwith shm.SharedSceneBuffer.fill('hero') as w: w['a'] = b'abc'")
    assert [came["id"] for came in store.wait(after=seen, timeout=LONG)] == [scene.id]


def test_threads_and_a_forked_child_wait_for_the_same(store: Store) -> None:
    assert store.wait(timeout=0) == []
    seen = store.list()
    came: list[str] = []
    threads = [
        threading.Thread(target=lambda: came.extend(one["id"] for one in store.wait(after=seen))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    pid = in_fork(lambda: len(store.wait(after=seen, timeout=LONG)) == 1)
    scene = SharedSceneBuffer.write(b"for all of them")
    for thread in threads:
        thread.join(LONG / 3)
    assert came == [scene.id] * 3
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_ctrl_c_ends_a_wait_for_something_to_be_shared() -> None:
    process = started(
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "store = shm.Store()\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    store.wait()\n"
        "except KeyboardInterrupt:\n"
        "    shm.SharedSceneBuffer.write(b'x', name='still usable')\n"
        "    print(store.wait(after=[])[0]['name'])\n"
    )
    until_asleep(process.pid)
    process.send_signal(signal.SIGINT)
    assert ended(process)[:2] == (0, "still usable")


def test_a_store_that_is_emptied_ends_no_wait_and_one_that_is_removed_does(store: Store) -> None:
    SharedSceneBuffer.write(b"x")
    code = (
        "store = shm.Store()\n"
        "seen = store.list()\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    print(store.wait(after=seen)[0]['name'], flush=True)\n"
        "    store.wait()\n"
        "except shm.NotFound as error:\n"
        "    print(error)\n"
    )
    process = started(code)
    assert process.stdout is not None
    for file in Path(store.path).iterdir():
        file.unlink()
    SharedSceneBuffer.write(b"x", name="new")
    assert process.stdout.readline().strip() == "new"
    shutil.rmtree(store.path)
    status, out, _ = ended(process)
    assert status == 0
    assert store.path in out
    with pytest.raises(shm.NotFound):
        store.wait(timeout=LONG)
    Path(store.path).mkdir(0o755)
    with pytest.raises(shm.UnsafeStore):
        store.wait(timeout=LONG)


@pytest.mark.parametrize("after", [5, {}, [1], [{"id": "x"}], "x", [None]])
def test_what_is_no_list_of_descriptors_is_refused(store: Store, after: Any) -> None:
    with pytest.raises(shm.InvalidDescriptor, match="after"):
        store.wait(after=after, timeout=0)
    with pytest.raises(shm.InvalidArgument, match="kind"):
        store.wait(kind="Teapot", timeout=0)
    with pytest.raises(shm.InvalidArgument, match="timeout"):
        store.wait(timeout=-1)


def test_an_edit_wakes_when_it_ends_and_not_when_it_fails() -> None:
    buffer = SharedBuffer.create(64)
    seen = buffer.sequence
    with buffer.edit(5) as view:
        view[:] = b"whole"
        assert buffer.wait(seen, timeout=0.01) is None
    assert buffer.wait(seen, timeout=LONG) == seen + 2
    with pytest.raises(ZeroDivisionError), buffer.edit(5):
        _ = 1 / 0
    assert buffer.wait(seen + 2, timeout=0.01) is None
    buffer.write(b"healed")
    assert buffer.wait(seen + 2, timeout=LONG) == buffer.sequence


def test_a_thread_that_waits_for_a_write_lets_others_go_on(run_python: RunPython) -> None:
    # In a process of its own, which has a limit: did a wait hold the interpreter, nothing in it would go on.
    code = (
        "import threading, dcc_mcp_shm as shm\n"
        "buffer = shm.SharedBuffer.create(64)\n"
        "seen, came, begun = buffer.sequence, [], threading.Barrier(5)\n"
        "def wait():\n"
        "    begun.wait()\n"
        "    came.append(buffer.wait(seen))\n"
        "threads = [threading.Thread(target=wait) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "begun.wait()\n"
        "worked = sum(range(100_000))\n"
        "waited = not came\n"
        "buffer.write(b'for all of them')\n"
        "for thread in threads: thread.join()\n"
        "print(worked, waited, came == [seen + 2] * 4)"
    )
    assert run_python(code) == "4999950000 True True"


def test_a_delete_ends_a_wait() -> None:
    buffer = SharedBuffer.create(64)
    failed: list[BaseException] = []
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        try:
            buffer.wait(buffer.sequence)
        except shm.NotFound as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    until_asleep(os.getpid(), thread.native_id)
    buffer.unlink()
    thread.join(LONG / 3)
    assert len(failed) == 1


def test_ctrl_c_ends_a_wait_for_a_write() -> None:
    process = started(
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "buf = shm.SharedBuffer.create(64)\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    buf.wait(buf.sequence)\n"
        "except KeyboardInterrupt:\n"
        "    print(buf.write(b'still usable'))\n"
    )
    until_asleep(process.pid)
    process.send_signal(signal.SIGINT)
    assert ended(process)[:2] == (0, "12")


def test_a_forked_child_waits_for_its_parents_write() -> None:
    buffer = SharedBuffer.create(64)
    seen = buffer.sequence
    pid = in_fork(lambda: buffer.wait(seen, timeout=LONG) == seen + 2 and buffer.read() == b"parent")
    buffer.write(b"parent")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("after", [-1, 1 << 64, "1", None, 1.5])
def test_what_is_no_sequence_is_refused(after: Any) -> None:
    buffer = SharedBuffer.create(64)
    with pytest.raises((shm.InvalidArgument, TypeError), match="after"):
        buffer.wait(after, timeout=0)
