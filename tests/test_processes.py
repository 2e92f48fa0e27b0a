"""What crosses processes: descriptors, locks that die with their holder, and forks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from conftest import RunPython
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store
from support import files_of


def started(code: str) -> "subprocess.Popen[str]":
    """A process that has printed `ready` and waits for its input to end."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import dcc_mcp_shm as shm, sys\n{code}\nprint('ready', flush=True)\nsys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    return process


def killed(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_function_that_returns_only_the_descriptor_works(run_python: Any) -> None:
    def share() -> str:
        return SharedSceneBuffer.write(b"from a function", source_dcc="test").descriptor_json()

    read = (
        "import sys, dcc_mcp_shm as shm; print(shm.SharedSceneBuffer.from_descriptor_json(sys.argv[1]).read().decode())"
    )
    assert run_python(read, share()) == "from a function"
    # And after its producer exited.
    write = "import dcc_mcp_shm as shm; print(shm.SharedSceneBuffer.write(b'from a process').descriptor_json())"
    assert run_python(read, run_python(write)) == "from a process"


def test_numpy_alone_maps_an_array_from_the_descriptor(run_python: Any) -> None:
    expected = np.arange(30_000, dtype="f4").reshape(-1, 3)
    scene = SharedSceneBuffer.write_arrays({"first": np.zeros(5, "u1"), "position": expected})
    code = (
        "import json, sys, numpy as np\n"
        "d = json.loads(sys.argv[1])\n"
        "a = d['arrays']['position']\n"
        "m = np.memmap(d['path'], a['dtype'], 'r', a['offset'], tuple(a['shape']))\n"
        "assert 'dcc_mcp_shm' not in sys.modules\n"
        "print(m.dtype, m.shape, float(m.sum(dtype='f8')))"
    )
    assert run_python(code, scene.descriptor_json()) == f"float32 (10000, 3) {float(expected.sum(dtype='f8'))}"


def test_a_filler_that_is_killed_leaves_nothing(store: Store) -> None:
    process = started("w = shm.SharedSceneBuffer.writer({'a': ('u1', 5 << 20)}, name='never')\nw['a'] = bytes(5 << 20)")
    assert store.list() == []
    assert store.used_bytes() > 5 << 20
    assert store.gc()["removed"] == [], "while it lives it is left alone"
    killed(process)
    assert store.list() == []
    report = store.gc()
    assert [entry["reason"] for entry in report["removed"]] == ["a process that died left it half made"]
    assert (store.used_bytes(), files_of(store)) == (0, [])


def test_what_a_living_process_holds_survives_every_gc(store: Store) -> None:
    process = started("scene = shm.SharedSceneBuffer.write(b'held', name='held', ttl=1e-9)")
    for _ in range(100):
        assert store.gc()["removed"] == []
    assert SharedSceneBuffer.open("held").read() == b"held"
    killed(process)
    # Its time to live starts when it is found that its holder died.
    assert store.gc()["removed"] == []
    assert [entry["reason"] for entry in store.gc()["removed"]] == ["its time to live has passed"]
    assert files_of(store) == []


def test_time_to_live_starts_when_the_last_holder_lets_go(store: Store) -> None:
    kept = SharedSceneBuffer.write(b"for ever", ttl=0)
    default = SharedSceneBuffer.write(b"for 15 minutes")
    brief = SharedSceneBuffer.write(b"brief", ttl=1e-9)
    other = SharedSceneBuffer.open(brief.id)
    brief.close()
    assert store.gc()["removed"] == []
    assert "expires" not in store.describe(brief_id := other.id)
    other.close()
    assert "expires" in store.describe(brief_id)
    for no_bool in (1, "no", store):
        with pytest.raises(TypeError, match="dry_run"):
            shm.gc(no_bool)  # type: ignore[arg-type]
    assert [entry["id"] for entry in store.gc(dry_run=True)["removed"]] == [brief_id]
    assert [entry["id"] for entry in store.gc()["removed"]] == [brief_id]
    kept_id = kept.id
    default.close()
    kept.close()
    reasons = {entry["id"]: entry["reason"] for entry in shm.gc()["kept"]}
    assert reasons[kept_id] == "it stays until it is deleted"
    assert min(reasons.values()).startswith("it expires in 8")


def test_variables_change_while_stores_are_opened(run_python: RunPython, tmp_path: Path) -> None:
    code = """
import os, sys, threading
import dcc_mcp_shm as shm
stop = threading.Event()
def change():
    while not stop.is_set():
        for i in range(2000):
            os.environ[f"VARIABLE_{i}"] = "x"
        for i in range(2000):
            del os.environ[f"VARIABLE_{i}"]
thread = threading.Thread(target=change, daemon=True)
thread.start()
for _ in range(1000):
    shm.Store(sys.argv[1])
stop.set()
thread.join()
"""
    run_python(code, str(tmp_path / "store"))


def test_a_pool_of_a_killed_process_is_swept_whole(store: Store) -> None:
    process = started("pool = shm.BufferPool(3, 1 << 16, name='dead')\nslot = pool.acquire()")
    assert store.gc()["removed"] == []
    pool = BufferPool.open("dead")
    assert pool.available() == 2
    killed(process)
    assert pool.available() == 3, "the kernel gave the slot back"
    held = [pool.acquire() for _ in range(3)]
    del held
    pool.close()
    assert (store.pools(), store.used_bytes() - store.reserve_bytes()) == ([], 0)
    killed(started("pool = shm.BufferPool(3, 1 << 16)"))
    assert len(store.gc()["removed"]) >= 1
    store.gc()
    assert store.used_bytes() == 0


def test_a_writer_that_is_killed_is_noticed() -> None:
    buffer = SharedBuffer.create(1 << 20, name="torn")
    buffer.write(b"whole")
    process = started("edit = shm.SharedBuffer.open(id='torn').edit(1 << 20)\nview = edit.__enter__()\nview[0] = 1")
    killed(process)
    with pytest.raises(shm.Interrupted):
        buffer.read()
    with pytest.raises(shm.Interrupted):
        buffer.view()
    buffer.write(b"healed")
    assert buffer.read() == b"healed"


def run_in_fork(child: Any) -> int:
    """Runs a function in a forked child and returns its status: 0 when it returned true."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if child() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_can_use_what_it_inherits() -> None:
    buffer = SharedBuffer.create(1024)
    buffer.write(b"parent")
    scene = SharedSceneBuffer.write_arrays({"a": np.arange(10)})
    view = np.asarray(scene["a"])
    pool = BufferPool(2, 64)

    def child() -> bool:
        read = buffer.read() == b"parent"
        wrote = buffer.write(b"child") == 5
        with buffer.edit(3) as edit:
            edit[:] = b"chi"
        slot = pool.acquire()
        slot.write(b"mine")
        return all(
            [
                read,
                wrote,
                bytes(buffer.view()) == b"chi",
                scene.read() == view.tobytes(),
                slot.read() == b"mine",
            ]
        )

    assert run_in_fork(child) == 0
    assert buffer.read() == b"chi"
    assert pool.available() == 2
    buffer.write(b"parent again")
    assert buffer.read() == b"parent again"


def test_a_forked_child_gives_nothing_of_its_parents_back(store: Store) -> None:
    buffer = SharedBuffer.create(64, ttl=1e-9, unlink_on_close=True)
    scene = SharedSceneBuffer.write(b"scene", ttl=1e-9)
    pool = BufferPool(1, 64)
    slot = pool.acquire()
    slot.write(b"parent's")
    handles = [buffer, scene, pool, slot]

    def child() -> bool:
        for handle in handles:
            handle.close()  # type: ignore[attr-defined]
        return True

    assert run_in_fork(child) == 0
    assert store.gc()["removed"] == []
    assert len(store.list()) == 2
    assert (pool.available(), slot.read()) == (0, b"parent's")

    def write_to_the_parents_slot() -> bool:
        try:
            slot.write(b"child's")
        except shm.Forked:
            return True
        return False

    assert run_in_fork(write_to_the_parents_slot) == 0
    assert slot.read() == b"parent's"


def test_a_write_is_finished_by_the_process_that_began_it() -> None:
    buffer = SharedBuffer.create(64)
    mode = Path("/dev/null").stat().st_mode
    with SharedSceneBuffer.writer({"a": ("u1", 5)}) as w, buffer.edit(5) as view:
        w["a"] = b"scene"
        view[:] = b"whole"

        def child() -> bool:
            w["a"] = b"child"
            view[:] = b"child"
            try:
                w.finish()
            except shm.Forked:
                return True
            return False

        assert run_in_fork(child) == 0
    assert (w.scene.read(), buffer.read()) == (b"scene", b"whole")
    assert Path("/dev/null").stat().st_mode == mode


def test_what_goes_with_its_handle_is_not_deleted_by_a_forked_child(store: Store) -> None:
    buffer = SharedBuffer.create(64, unlink_on_close=True)
    buffer.write(b"there")
    scene = SharedSceneBuffer.write(b"there", unlink_on_close=True)

    def child() -> bool:
        used = buffer.read() == scene.read() == b"there"
        buffer.close()
        scene.close()
        return used

    assert run_in_fork(child) == 0
    assert len(store.list()) == 2
    buffer.close()
    scene.close()
    assert store.list() == []


def test_a_pool_of_a_killed_process_keeps_its_name_from_nobody(store: Store) -> None:
    with_a_dead_pool = "pool = shm.BufferPool(4, 1 << 20, 'viewport')"
    killed(started(with_a_dead_pool))
    with BufferPool(2, 128, "viewport") as pool:
        assert (pool.capacity(), store.used_bytes() - store.reserve_bytes() < 1 << 20) == (2, True), (
            "its slots went too"
        )
    killed(started(with_a_dead_pool))
    with BufferPool.open_or_create(2, 128, "viewport") as pool:
        assert (pool.capacity(), store.used_bytes() - store.reserve_bytes() < 1 << 20) == (2, True)


def test_a_forked_child_does_not_read_what_its_parents_slot_became() -> None:
    pool = BufferPool(1, 64)
    slot = pool.acquire()
    slot.write(b"first")
    ready, go = os.pipe(), os.pipe()

    def child() -> bool:
        seen = slot.sequence
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        for use in (slot.read, lambda: slot.wait(seen, timeout=0)):
            with pytest.raises(shm.Stale):
                use()
        return True

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if child() else 2
        finally:
            os._exit(status)
    os.read(ready[0], 1)
    slot.close()
    again = pool.acquire()
    again.write(b"second")
    os.write(go[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for end in (*ready, *go):
        os.close(end)


def test_a_forked_child_alone_keeps_no_lock_of_a_dead_parent(store: Store) -> None:
    # The grandparent forks a child that lives on, and is killed; the child has run by then, and waits for its input.
    process = started(
        "import os\n"
        "scene = shm.SharedSceneBuffer.write(b'orphan', ttl=1e-9)\n"
        "writer = shm.SharedSceneBuffer.writer({'a': ('u1', 5 << 20)})\n"
        "ready, child = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.write(child, b'x')\n"
        "    sys.stdin.read()\n"
        "    os._exit(0)\n"
        "os.read(ready, 1)"
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    report = store.gc()
    assert [entry["reason"] for entry in report["removed"]] == ["a process that died left it half made"]
    assert len(store.gc()["removed"]) == 1
    assert files_of(store) == []
    process.communicate()


def test_a_child_keeps_no_lock_by_its_dead_parent_s_views() -> None:
    pool = BufferPool(2, 4096, name="frames")
    buffer = SharedBuffer.create(4096, name="buffer")
    buffer.write(b"before")
    process = started(
        "import os\n"
        "pool = shm.BufferPool.open('frames')\n"
        "slot, edited = pool.acquire(), pool.acquire()\n"
        "slot.write(b'frame')\n"
        "views = slot.view(), shm.SharedBuffer.open(id='buffer').view()\n"
        "with edited.edit(4096) as kept: kept[0] = 1\n"
        "ready, child = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.write(child, b'x')\n"
        "    sys.stdin.read()\n"
        "    assert bytes(views[0]) == b'frame'\n"
        "    os._exit(0)\n"
        "os.read(ready, 1)"
    )
    assert pool.available() == 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert pool.available() == 2
    assert buffer.write(b"after") == 5
    process.communicate()


def test_a_name_leads_somewhere_while_it_goes_from_buffer_to_buffer() -> None:
    process = started(
        "import threading\n"
        "def replace():\n"
        "    while True: shm.SharedSceneBuffer.write(b'x', name='hero', replace=True)\n"
        "shm.SharedSceneBuffer.write(b'x', name='hero')\n"
        "threading.Thread(target=replace, daemon=True).start()"
    )
    opened: set[str] = set()
    for _ in range(1_000_000):
        opened.add(SharedSceneBuffer.open("hero").id)
        if len(opened) == 1000:
            break
    assert len(opened) == 1000, "it was replaced meanwhile"
    killed(process)


def test_what_a_replacement_left_goes_although_it_was_to_stay(store: Store) -> None:
    for before in (
        SharedSceneBuffer.write(b"before", name="scene", ttl=0),
        BufferPool(1, 4096, name="pool", persistent=True),
    ):
        path = Path(store.path) / f"{before.id}.shm"
        saved = path.with_name("saved")
        os.link(path, saved)
        before.close()
        if isinstance(before, BufferPool):
            BufferPool(1, 4096, name="pool", persistent=True, replace=True)
        else:
            SharedSceneBuffer.write(b"after", name="scene", ttl=0, replace=True)
        assert not path.exists()
        # As if the process had been killed just before it deleted the file.
        saved.rename(path)
    assert [entry["reason"] for entry in store.gc()["removed"]] == ["another has its name"] * 2
    assert SharedSceneBuffer.open("scene").read() == b"after"
    assert BufferPool.open("pool").available() == 1


def test_descriptors_of_other_stores_are_judged_by_their_directory(tmp_path: Any) -> None:
    elsewhere = Store(tmp_path / "elsewhere")
    scene = SharedSceneBuffer.write(b"elsewhere", store=elsewhere)
    json_text = scene.descriptor_json()
    assert SharedSceneBuffer.from_descriptor_json(json_text).read() == b"elsewhere"
    with pytest.raises(shm.InvalidDescriptor):
        Store().describe(json_text)
    Path(elsewhere.path).chmod(0o755)
    with pytest.raises(shm.UnsafeStore):
        SharedSceneBuffer.from_descriptor_json(json_text)
    Path(elsewhere.path).chmod(0o700)
    scene.unlink()
    with pytest.raises(shm.NotFound):
        SharedSceneBuffer.from_descriptor_json(json_text)
    gone = json.loads(json_text) | {"path": "/nonexistent/" + Path(scene.path()).name}
    with pytest.raises(shm.NotFound):
        SharedSceneBuffer.from_descriptor_json(json.dumps(gone))


SHARE_IN_A_CHILD = """
import os, signal, sys, threading, time, warnings
import dcc_mcp_shm as shm
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
def share():
    shm.SharedBuffer.create(1, unlink_on_close=True).close()
def in_a_child():
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        share()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_child_forked_while_a_thread_opens_the_default_store_uses_it_all_the_same(run_python: RunPython) -> None:
    code = """
stop = threading.Event()
def open_again_and_again():
    while not stop.is_set():
        for path in sys.argv[1:]:
            os.environ["DCC_MCP_SHM_DIR"] = path
            share()
thread = threading.Thread(target=open_again_and_again, daemon=True)
thread.start()
for _ in range(100):
    in_a_child()
stop.set()
thread.join()
"""
    default = os.environ["DCC_MCP_SHM_DIR"]
    run_python(SHARE_IN_A_CHILD + code, default, f"{default}-other")


def test_a_child_forked_while_a_thread_uses_the_module_for_the_first_time_uses_it_all_the_same(
    run_python: RunPython,
) -> None:
    code = """
thread = threading.Thread(target=share)
thread.start()
moment = time.perf_counter() + float(sys.argv[1])
while time.perf_counter() < moment:
    pass
in_a_child()
thread.join()
"""
    # A first use takes about a millisecond.
    for moment in range(30):
        run_python(SHARE_IN_A_CHILD + code, str(moment / 30_000))
