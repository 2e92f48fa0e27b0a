"""Whatever is let go of first, and however a process ends: views stay valid, nothing crashes, nothing is left."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from conftest import RunPython
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store
from support import files_of, sum_of

EVERYTHING = """
import dcc_mcp_shm as shm, numpy as np, os, signal, sys, threading
store = shm.Store()
scene = shm.SharedSceneBuffer.write_arrays({'a': np.arange(1000.0)}, ttl=1e-9)
buffer = shm.SharedBuffer.create(1 << 16, ttl=1e-9)
buffer.write(b'x' * 1000)
pool = shm.BufferPool(2, 64)
slot = pool.acquire()
slot.write(b'slot')
writer = shm.SharedSceneBuffer.writer({'a': ('u1', 1 << 16)})
edit = shm.SharedBuffer.create(64, ttl=1e-9).edit(5)
kept = [scene.view(), np.asarray(scene['a']), buffer.view(), slot.view(), memoryview(writer['a']), edit.__enter__()]
"""
"""A process that has one of everything, and views of it."""


@pytest.mark.parametrize(
    "end",
    [
        "",
        "sys.exit()",
        "os._exit(0)",
        "kept.append(kept)",
        "import atexit; atexit.register(lambda: print(bytes(kept[0])[:0], kept[1].sum() == 499500.0))",
        "threading.Thread(target=lambda: [kept[1].sum() for _ in range(10**7)], daemon=True).start()",
        "threading.Thread(target=lambda: [buffer.read() for _ in range(10**7)], daemon=True).start()",
        "del sys.modules['dcc_mcp_shm'], sys.modules['dcc_mcp_shm._native'], shm; assert kept[1].sum() == 499500.0",
        "sys.modules.clear()",
        "pid = os.fork()\nif pid: assert os.waitpid(pid, 0)[1] == 0",
    ],
)
def test_an_interpreter_ends_with_views_alive(end: str, store: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EVERYTHING + end], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    # What no destructor ran for is found by the next collections.
    for _ in range(3):
        store.gc()
    assert (store.used_bytes(), files_of(store)) == (0, [])


def test_a_view_outlives_scene_store_and_module(run_python: RunPython) -> None:
    out = run_python(
        EVERYTHING + "import gc\n"
        "writer.abort()\n"
        "edit.__exit__(None, None, None)\n"
        "scene.unlink(); buffer.unlink(); pool.unlink()\n"
        "del store, scene, buffer, pool, slot, writer, edit, shm\n"
        "for name in ('dcc_mcp_shm', 'dcc_mcp_shm._native'): del sys.modules[name]\n"
        "gc.collect()\n"
        "print(kept[1].sum(), bytes(kept[2])[:3], bytes(kept[3]), len(kept[0]))\n"
    )
    assert out == "499500.0 b'xxx' b'slot' 8000"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_handles_and_views_go_in_any_order(order: tuple[int, ...], store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays({"a": np.arange(100, dtype="f4")}, ttl=1e-9)
    array = scene["a"]
    of_scene: list[Any] = [scene, array, np.asarray(array), memoryview(array)]
    buffer = SharedBuffer.create(64, ttl=1e-9)
    buffer.write(b"data")
    of_buffer: list[Any] = [buffer, buffer.view(), SharedBuffer.open(id=buffer.id), buffer.view()[1:]]
    pool = BufferPool(1, 64)
    slot = pool.acquire()
    slot.write(b"slot")
    of_slot: list[Any] = [pool, slot, slot.view(), np.asarray(slot.view())]
    del scene, array, buffer, pool, slot
    for turn, at in enumerate(order):
        of_scene[at] = of_buffer[at] = of_slot[at] = None
        # Those that are left are as they were.
        assert all(np.asarray(of_scene[i]).sum() == 4950 for i in (2, 3) if of_scene[i] is not None)
        if of_buffer[3] is not None:
            assert bytes(of_buffer[3]) == b"ata"
        if of_slot[3] is not None:
            assert of_slot[3].tobytes() == b"slot"
        if turn < 3:
            # While anything of a slot is left, its memory is nobody else's.
            held = any(of_slot[i] is not None for i in (1, 2, 3))
            assert of_slot[0] is None or of_slot[0].available() == (0 if held else 1)
    store.gc()
    store.gc()
    assert (store.used_bytes(), files_of(store)) == (0, [])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_whatever_ends_a_block_publishes_nothing(error: type[BaseException], store: Store) -> None:
    with pytest.raises(error), SharedSceneBuffer.writer({"a": ("u1", 1 << 16)}, name="half"):
        raise error
    buffer = SharedBuffer.create(64, unlink_on_close=True)
    with pytest.raises(error), buffer.edit(3):
        raise error
    with pytest.raises(shm.Interrupted):
        buffer.read()
    buffer.write(b"healed")
    buffer.close()
    assert (store.used_bytes(), files_of(store)) == (0, [])


def test_a_block_that_is_never_left_publishes_nothing(store: Store) -> None:
    writer = SharedSceneBuffer.writer({"a": ("u1", 1 << 16)})
    view = memoryview(writer.__enter__()["a"])
    del writer
    view[0] = 1
    assert store.list() == []
    del view
    assert (store.used_bytes(), files_of(store)) == (0, [])


def test_ctrl_c_in_a_long_copy_comes_when_it_is_whole() -> None:
    # A signal that comes in the middle of 512 MiB neither tears the copy nor is lost.
    code = (
        "import dcc_mcp_shm as shm, numpy as np, os, signal, threading, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "data = np.full(512 << 20, 7, 'u1')\n"
        "buffer = shm.SharedBuffer.create(data.nbytes)\n"
        "def interrupt():\n"
        "    while buffer.sequence % 2 == 0: time.sleep(0)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "thread = threading.Thread(target=interrupt)\n"
        "thread.start()\n"
        "try:\n"
        "    buffer.write(data)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    thread.join()\n"
        "    assert buffer.sequence == 2\n"
        "    print(bool((np.asarray(buffer.view()) == 7).all()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.returncode) == ("True", 0), done.stderr


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_read_what_they_are_told_of(method: str, store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays({"a": np.arange(100_000, dtype="f8")}, ttl=1e-9)
    mine = np.asarray(scene["a"])
    with multiprocessing.get_context(method).Pool(2) as workers:
        sums = workers.map(sum_of, [scene.descriptor_json()] * 8)
        workers.close()
        workers.join()
    assert sums == [float(mine.sum())] * 8
    assert store.gc()["removed"] == [], "no worker gave back what its parent holds"
    del scene, mine
    store.gc()
    assert files_of(store) == []


def test_a_process_that_dies_of_a_signal_leaves_nothing_for_long(store: Store) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
        code = EVERYTHING + f"os.kill(os.getpid(), {int(number)})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
        assert done.returncode == -number
    for _ in range(3):
        store.gc()
    assert (store.used_bytes(), files_of(store)) == (0, [])


IN_A_SUBINTERPRETER = """
import dcc_mcp_shm as shm
scene = shm.SharedSceneBuffer.write(b'from within', name='within', replace=True, ttl=0)
assert scene.read() == bytes(scene.view()) == b'from within'
buffer, pool = shm.SharedBuffer.create(64), shm.BufferPool(1, 64)
assert buffer.wait(buffer.sequence, timeout=0.01) is None
slot = pool.acquire()
try:
    pool.acquire(timeout=0.01)
except shm.Exhausted as error:
    print(len(error.holders), flush=True)
"""


@pytest.mark.parametrize("first", ["main", "sub"])
def test_subinterpreters_that_share_the_lock_work(first: str, run_python: RunPython) -> None:
    main = (
        "import types\n"
        "import dcc_mcp_shm as shm\n"
        "scene = shm.SharedSceneBuffer.write_arrays(types.MappingProxyType({'a': b'main'}))\n"
        "assert scene.read() == b'main'\n"
        "try: shm.SharedSceneBuffer.open('nothing')\n"
        "except shm.NotFound: print('main', flush=True)\n"
    )
    sub = (
        "try:\n"
        "    import _interpreters as interpreters\n"
        "    create = lambda: interpreters.create('legacy')\n"
        "except ImportError:\n"
        "    import _xxsubinterpreters as interpreters\n"
        "    create = lambda: interpreters.create(isolated=False)\n"
        "for _ in range(3):\n"
        "    sub = create()\n"
        f"    interpreters.run_string(sub, {IN_A_SUBINTERPRETER!r})\n"
        "    interpreters.destroy(sub)\n"
    )
    parts = [main, sub, main] if first == "main" else [sub, main, sub]
    printed = {main: ["main"], sub: ["1"] * 3}
    out = run_python("".join(parts))
    assert out.split() == [line for part in parts for line in printed[part]]
    assert SharedSceneBuffer.open("within").read() == b"from within"


def test_what_is_deleted_and_still_in_use_is_counted_with_what_keeps_it(store: Store) -> None:
    views = []
    for frame in range(5):
        scene = SharedSceneBuffer.write(bytes([frame]) * 100_000, name="frame", replace=True)
        views.append(scene.view())
        del scene
    pending = store.pending()
    assert [file["name"] for file in pending] == ["frame"] * 4
    assert [file["holders"][0]["pid"] for file in pending] == [os.getpid()] * 4
    assert store.used_bytes() == sum(file["bytes"] for file in pending) // 4 * 5
    assert [view[0] for view in views] == list(range(5))
    deleted = store.delete("frame")
    assert (deleted["freed_bytes"], deleted["pending_bytes"]) == (0, store.used_bytes() // 5)
    assert deleted["held_by"].endswith(f"(process {os.getpid()})")
    del views
    # Their memory is kept for a moment for what is made next.
    assert (store.pending(), store.used_bytes()) == ([], store.reserve_bytes())
    store.gc()
    assert (store.used_bytes(), files_of(store)) == (0, [])


def test_a_map_by_the_descriptor_alone_is_counted_as_mapped_without_a_lock(store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays({"a": np.arange(1000.0)})
    descriptor = store.describe(scene.id)
    array = descriptor["arrays"]["a"]
    mapped = np.memmap(descriptor["path"], array["dtype"], "r", array["offset"], tuple(array["shape"]))
    del scene
    deleted = store.delete(descriptor["id"])
    assert (deleted["freed_bytes"], deleted["pending_bytes"]) == (0, store.used_bytes())
    assert (deleted["held_by"], deleted["holders"]) == ("mapped without a lock", [])
    assert [file["held_by"] for file in store.pending()] == ["mapped without a lock"]
    assert mapped.sum() == 499500.0
    del mapped
    assert store.gc()["freed_bytes"] > 8000
    assert (store.pending(), store.used_bytes()) == ([], 0)
