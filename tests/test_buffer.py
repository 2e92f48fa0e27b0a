"""Buffers that are rewritten, and pools of them, within one process."""

import gc
import os
import threading
from pathlib import Path
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from conftest import RunPython
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store


def test_a_write_replaces_what_was_there() -> None:
    buffer = SharedBuffer.create(100)
    assert (buffer.read(), buffer.data_len()) == (b"", 0)
    assert buffer.write(np.arange(4, dtype="i4")) == 16
    assert buffer.write(b"short") == 5
    assert (buffer.read(), buffer.data_len(), buffer.capacity()) == (b"short", 5, 100)
    before = buffer.sequence
    buffer.clear()
    assert (buffer.read(), buffer.sequence) == (b"", before + 2)


def test_too_much_changes_nothing() -> None:
    buffer = SharedBuffer.create(4)
    buffer.write(b"keep")
    with pytest.raises(shm.CapacityExceeded) as error:
        buffer.write(b"12345")
    assert (error.value.needed, error.value.capacity) == (5, 4)
    assert buffer.read() == b"keep"
    with pytest.raises(shm.CapacityExceeded), buffer.edit(5):
        pass


def test_editing_in_place() -> None:
    buffer = SharedBuffer.create(16)
    buffer.write(b"0123456789")
    with buffer.edit(4) as view:
        assert bytes(view) == b"0123"
        view[0:2] = b"ab"
        kept = np.asarray(view)
    assert buffer.read() == b"ab23"
    kept[:] = 0
    assert buffer.read() == b"ab23", "what is kept from the block reaches nobody"


def test_an_edit_that_fails_is_told_to_readers() -> None:
    buffer = SharedBuffer.create(16)
    buffer.write(b"before")
    with pytest.raises(ZeroDivisionError), buffer.edit(4) as view:
        view[0] = 1
        _ = 1 // 0
    with pytest.raises(shm.Interrupted):
        buffer.read()
    buffer.write(b"after")
    assert buffer.read() == b"after"


def test_a_view_holds_writers_off_and_outlives_the_buffer() -> None:
    buffer = SharedBuffer.create(16)
    other = SharedBuffer.open(buffer.path(), buffer.id)
    buffer.write(b"stable")
    with buffer.view() as view, buffer.view() as second:
        assert (bytes(view), bytes(second), view.readonly) == (b"stable", b"stable", True)
        assert other.read() == b"stable"
        result: list[BaseException | int] = []

        def write() -> None:
            result.append(other.write(b"next"))

        writer = threading.Thread(target=write)
        writer.start()
        assert bytes(view) == b"stable"
        second.release()
        assert bytes(view) == b"stable"
        assert not result
    writer.join()
    assert result == [4]
    kept = buffer.view()
    buffer.close()
    other.close()
    gc.collect()
    assert bytes(kept) == b"next"


def test_path_and_id_must_match() -> None:
    first, second = SharedBuffer.create(1), SharedBuffer.create(1)
    with pytest.raises(shm.InvalidDescriptor, match="match"):
        SharedBuffer.open(first.path(), second.id)
    with pytest.raises(shm.InvalidArgument):
        SharedBuffer.open(first.path(), "no id")
    with pytest.raises(shm.InvalidArgument):
        SharedBuffer.open(first.path())


def test_buffers_and_scenes_are_told_apart() -> None:
    buffer, scene = SharedBuffer.create(1), shm.SharedSceneBuffer.write(b"x")
    with pytest.raises(shm.WrongRole):
        shm.SharedSceneBuffer.open(buffer.id)
    with pytest.raises((shm.WrongRole, shm.Sealed)):
        SharedBuffer.open(id=scene.id)
    with pytest.raises(shm.WrongRole):
        BufferPool.open(scene.id)


def test_scoped_life() -> None:
    with SharedBuffer.create(1, unlink_on_close=True, name="scoped") as buffer:
        path = Path(buffer.path())
        assert SharedBuffer.open(id="scoped").id == buffer.id
    assert not path.exists()
    with pytest.raises(shm.NotFound):
        SharedBuffer.open(id="scoped")


@pytest.mark.parametrize("capacity", [0, -1, 2**63, 2**64, 10**30])
def test_a_capacity_that_cannot_be_is_refused(capacity: int) -> None:
    with pytest.raises(shm.InvalidArgument) as error:
        SharedBuffer.create(capacity)
    assert error.value.argument == "capacity"
    with pytest.raises(shm.InvalidArgument):
        BufferPool(1, capacity)
    with pytest.raises(shm.InvalidArgument):
        BufferPool(capacity, 1)


def test_a_capacity_above_memory_is_store_full(store: Store) -> None:
    with pytest.raises(shm.StoreFull) as error:
        SharedBuffer.create(1 << 50)
    assert error.value.requested > error.value.available > 0
    assert error.value.limit
    with pytest.raises(TypeError):
        SharedBuffer.create("1024")  # type: ignore[arg-type]
    assert store.used_bytes() == 0


def test_a_quota_of_the_environment_is_recorded(
    store: Store, run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, recorded in (("1048576", 1 << 20), ("10G", 10 << 30), ("1.5 MiB", 3 << 19), ("", None)):
        monkeypatch.setenv("DCC_MCP_SHM_MAX_BYTES", value)
        run_python("import dcc_mcp_shm; dcc_mcp_shm.Store()")
        assert store.quota == recorded


def test_a_quota_is_the_stores() -> None:
    store = Store()
    store.quota = 1 << 20
    assert Store().quota == 1 << 20
    kept = SharedBuffer.create(700_000)
    with pytest.raises(shm.StoreFull, match="quota") as error:
        SharedBuffer.create(700_000)
    assert error.value.available < 700_000
    kept.unlink()
    with pytest.raises(shm.StoreFull, match="quota"):
        SharedBuffer.create(700_000)  # It is deleted and still in use.
    kept.close()
    SharedBuffer.create(700_000)
    store.quota = None
    SharedBuffer.create(2 << 20)


def test_options_that_would_do_nothing_are_refused() -> None:
    with pytest.raises(TypeError, match="'unlink_on_close'; possible are kind, source_dcc, name, replace, group"):
        BufferPool(1, 64, unlink_on_close=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'ttl'"):
        BufferPool.open_or_create(1, 64, "viewport", ttl=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'use_compression'"):
        SharedBuffer.create(8, use_compression=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'persistent'"):
        SharedSceneBuffer.write(b"", persistent=True)  # type: ignore[call-arg]
    assert (Store().list(), Store().pools()) == ([], [])


def test_a_block_is_entered_once() -> None:
    buffer = SharedBuffer.create(8)
    with buffer.edit(3) as view:
        view[:] = b"one"
    edit = buffer.edit(3)
    with edit, pytest.raises(shm.ShmError, match="entered already"):
        edit.__enter__()
    assert buffer.data_len() == 3


def test_opening_by_path_says_that_the_id_is_missing() -> None:
    with pytest.raises(shm.InvalidArgument, match="a path alone does not say which buffer it was"):
        SharedBuffer.open(SharedBuffer.create(8).path())


def test_a_pool_is_opened_or_made_by_its_name() -> None:
    pool = BufferPool.open_or_create(2, 64, "viewport")
    assert BufferPool.open_or_create(2, 64, "viewport").id == pool.id
    with pytest.raises(shm.InvalidArgument, match="2 slots of 64 bytes, not 2 of 65") as other:
        BufferPool.open_or_create(2, 65, "viewport")
    assert other.value.argument == "buffer_size"
    with pytest.raises(shm.NameTaken):
        BufferPool(2, 64, "viewport")


def test_a_pool_gives_out_and_takes_back() -> None:
    pool = BufferPool(2, 64, name="viewport")
    other = BufferPool.open("viewport")
    first = pool.acquire()
    first.write(b"frame")
    second = other.acquire()
    assert first.id != second.id
    assert pool.available() == other.available() == 0
    with pytest.raises(shm.Exhausted) as error:
        pool.acquire()
    assert error.value.slots == 2
    slots = pool.status()["slots"]
    assert [slot["in_use"] for slot in slots] == [True, True]
    assert [slot["holder"] and slot["holder"]["pid"] for slot in slots] == [os.getpid()] * 2
    descriptor = first.descriptor_json()
    reader = SharedBuffer.from_descriptor_json(descriptor)
    with pytest.raises(shm.Busy):
        first.write(b"while it is read")
    del first
    assert pool.available() == 0, "a reader keeps the slot"
    assert reader.read() == b"frame"
    del reader
    assert pool.available() == 1
    again = pool.acquire()
    assert again.read() == b""
    with pytest.raises(shm.Stale) as stale:
        SharedBuffer.from_descriptor_json(descriptor)
    assert stale.value.found == stale.value.expected + 1


def test_a_slot_is_held_until_its_last_view_is_gone() -> None:
    pool = BufferPool(1, 64)
    buffer = pool.acquire()
    buffer.write(b"view")
    view = buffer.view()
    array = np.asarray(view)
    del buffer, view
    gc.collect()
    assert pool.available() == 0
    assert array.tobytes() == b"view"
    del array
    gc.collect()
    assert pool.available() == 1


def test_a_pool_goes_with_its_last_handle(store: Store) -> None:
    pool = BufferPool(3, 1 << 16, name="gone")
    other = BufferPool.open(pool.id)
    buffer = pool.acquire()
    pool.close()
    assert [found["name"] for found in store.pools()] == ["gone"]
    other.close()
    assert [found["name"] for found in store.pools()] == ["gone"], "a buffer keeps its pool"
    buffer.write(b"still mine")
    buffer.close()
    assert store.pools() == []
    assert store.used_bytes() == store.reserve_bytes()


def test_what_is_too_large_for_a_file_descriptor_table_is_an_error(run_python: Any) -> None:
    printed = run_python(
        "import resource, dcc_mcp_shm as shm\n"
        "store = shm.Store()\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "kept = []\n"
        "try:\n"
        "    while True: kept.append(shm.SharedSceneBuffer.write(b'x', store=store))\n"
        "except shm.TooManyOpenFiles as error: print(len(kept) > 10)\n"
        "kept.clear()\n"
        "print(shm.SharedSceneBuffer.write(b'works again', store=store).read().decode())"
    )
    assert printed.splitlines() == ["True", "works again"]


def test_a_pool_is_deleted_whole_or_not_at_all(run_python: Any) -> None:
    printed = run_python(
        "import os, resource, dcc_mcp_shm as shm\n"
        "pool = shm.BufferPool(2, 1 << 20, name='frames', persistent=True)\n"
        "limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "os.close(free := os.dup(0))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (free, most))\n"
        "try: pool.unlink()\n"
        "except shm.TooManyOpenFiles: print('too many')\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))\n"
        "print(shm.Store().pools()[0]['name'])\n"
        "pool.unlink()\n"
        "pool.close()\n"
        "print(shm.Store().used_bytes() - shm.Store().reserve_bytes())"
    )
    assert printed.splitlines() == ["too many", "frames", "0"]


def test_deleting_needs_no_memory(run_python: Any) -> None:
    printed = run_python(
        "import resource, dcc_mcp_shm as shm\n"
        "store = shm.Store()\n"
        "for name in ('deleted', 'expired'):\n"
        "    shm.SharedBuffer.create(200 << 20, name=name, ttl=1e-9).close()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), resource.RLIM_INFINITY))\n"
        "store.delete('deleted')\n"
        "shm.SharedBuffer.create(10, name='expired')\n"
        "print([buffer['name'] for buffer in store.list()])"
    )
    assert printed == "['expired']"
