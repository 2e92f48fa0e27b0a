"""Scenes that are filled in place: what can be written, and what a view that is kept can do afterwards."""

import array
import ctypes
import gc
import os
import threading
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from numpy.typing import NDArray
from support import files_of

N = 100_000
LAYOUT: Any = {"position": ("f4", (N, 3), "point"), "corner_vert": (np.int32, N), "one": ("float64", ())}
# It is filled in the file itself.
LARGE_LAYOUT: Any = LAYOUT | {"position": ("f4", (3 * N, 3), "point")}


def test_views_are_typed_shaped_and_writable() -> None:
    with SharedSceneBuffer.writer(LAYOUT, kind="Geometry") as w:
        position = np.asarray(w["position"])
        assert (position.dtype, position.shape, position.flags.writeable) == (np.dtype("f4"), (N, 3), True)
        assert len(w["position"]) == 3 * N, "flat, as Blender counts"
        assert w.keys() == ["position", "corner_vert", "one"]
        position[:] = np.arange(3 * N, dtype="f4").reshape(N, 3)
        np.asarray(w["one"])[...] = 2.5
        w["corner_vert"][1] = 7
        assert w["corner_vert"][1] == w["corner_vert"][1 - N] == 7
    np.testing.assert_array_equal(np.asarray(w.scene["position"]).ravel(), np.arange(3 * N, dtype="f4"))
    assert np.asarray(w.scene["one"]) == 2.5
    assert np.asarray(w.scene["corner_vert"])[1] == 7
    assert SharedSceneBuffer.open(w.scene.id).size_bytes == w.scene.size_bytes


@pytest.mark.parametrize(
    "source",
    [
        np.arange(12, dtype="f4").reshape(4, 3),
        np.arange(12, dtype="f4"),
        np.arange(12, dtype="f8").reshape(4, 3),
        np.asfortranarray(np.arange(12, dtype="f4").reshape(4, 3)),
        np.arange(24, dtype="f4")[::2] / 2,
        np.arange(12).reshape(4, 3),
        [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]],
        list(range(12)),
        (ctypes.c_float * 12)(*range(12)),
        ((ctypes.c_float * 3) * 4)(*[(ctypes.c_float * 3)(*range(i, i + 3)) for i in range(0, 12, 3)]),
        (ctypes.c_double * 12)(*range(12)),
        memoryview(array.array("f", range(12))),
    ],
    ids=lambda source: f"{type(source).__name__}-{getattr(source, 'dtype', '')}{getattr(source, 'shape', '')}",
)
def test_one_assignment_copies_anything_array_like(source: Any) -> None:
    with SharedSceneBuffer.writer({"position": ("f4", (4, 3))}) as w:
        w["position"] = source
    np.testing.assert_array_equal(np.asarray(w.scene["position"]), np.arange(12, dtype="f4").reshape(4, 3))


def test_a_source_may_overlap_with_where_it_goes() -> None:
    count, apart = 5_000_000, 64
    with SharedSceneBuffer.writer({"first": ("i8", (count,)), "second": ("i8", (apart,))}) as w:
        both = np.lib.stride_tricks.as_strided(np.asarray(w["first"]), shape=(count + apart,))
        both[:] = np.arange(count + apart)
        w["first"] = both[apart:]
    np.testing.assert_array_equal(np.asarray(w.scene["first"]), np.arange(apart, count + apart))


def test_an_assignment_that_does_not_fit_changes_nothing() -> None:
    with SharedSceneBuffer.writer({"index": ("i4", (4,))}) as w:
        w["index"] = [1, 2, 3, 4]
        with pytest.raises(ValueError, match=r"expected \[4\]"):
            w["index"] = [1, 2, 3]
        with pytest.raises(TypeError):
            w["index"] = [1.5, 2.5, 3.5, 4.5]
        with pytest.raises(TypeError, match="POINTER"):
            w["index"] = ctypes.pointer(ctypes.c_int(1))
        with pytest.raises(KeyError, match="index"):
            w["indices"] = [1]
    np.testing.assert_array_equal(np.asarray(w.scene["index"]), [1, 2, 3, 4])


@pytest.mark.parametrize("layout", [LAYOUT, LARGE_LAYOUT], ids=["small", "large"])
def test_an_exception_publishes_nothing_and_frees_the_memory(store: Store, layout: Any) -> None:
    class TestError(Exception):
        pass

    with pytest.raises(TestError), SharedSceneBuffer.writer(layout, name="half") as w:
        kept = np.asarray(w["position"])
        kept[:] = 1
        assert (store.used_bytes() > kept.nbytes) is (layout is LARGE_LAYOUT), "a small scene has no file yet"
        raise TestError
    assert files_of(store) == []
    assert store.used_bytes() == 0
    assert not kept.any(), "the memory that was kept is no longer the file's"
    kept[:] = 2
    with pytest.raises(shm.ShmError, match="no scene"):
        _ = w.scene
    with pytest.raises(shm.ShmError, match="ended"), w:
        pass
    with pytest.raises(shm.NotFound):
        SharedSceneBuffer.open("half")


@pytest.mark.parametrize("layout", [LAYOUT, LARGE_LAYOUT], ids=["small", "large"])
def test_what_is_kept_from_the_block_reaches_nobody(layout: Any) -> None:
    with SharedSceneBuffer.writer(layout) as w:
        view = w["position"]
        kept = np.asarray(view)
        raw = memoryview(view)
        kept[:] = 1
    kept[:] = 2
    raw.cast("B")[0] = 3
    assert not np.asarray(SharedSceneBuffer.open(w.scene.id)["position"]).max() > 1
    assert (kept[1:] == 2).all()
    assert view.readonly
    with pytest.raises(BufferError):
        view[0] = 1.0
    with pytest.raises(shm.ShmError, match="ended"):
        w["position"] = kept
    assert not np.asarray(w["position"]).flags.writeable
    del w, view, raw
    gc.collect()
    kept[:] = 4
    assert (kept == 4).all()


@pytest.mark.parametrize("layout", [LAYOUT, LARGE_LAYOUT], ids=["small", "large"])
def test_threads_that_write_while_the_block_ends_do_no_harm(layout: Any) -> None:
    for _ in range(20):
        stop = threading.Event()
        with SharedSceneBuffer.writer(layout) as w:
            kept = np.asarray(w["position"])
            started = threading.Barrier(3)

            def scribble(kept: Any = kept, stop: Any = stop, started: Any = started) -> None:
                started.wait()
                while not stop.is_set():
                    kept += 1

            threads = [threading.Thread(target=scribble) for _ in range(2)]
            for thread in threads:
                thread.start()
            started.wait()
        sealed = SharedSceneBuffer.open(w.scene.id).read()
        kept += 1
        stop.set()
        for thread in threads:
            thread.join()
        assert SharedSceneBuffer.open(w.scene.id).read() == sealed
        w.scene.unlink()


def test_finish_and_abort_without_a_block(store: Store) -> None:
    w = SharedSceneBuffer.writer({"a": ("u1", 3)})
    w["a"] = b"abc"
    scene = w.finish()
    assert scene.read() == b"abc"
    assert w.finish() is w.scene is scene
    w = SharedSceneBuffer.writer({"a": ("u1", 3)})
    w.abort()
    with pytest.raises(shm.ShmError):
        w.finish()
    w = SharedSceneBuffer.writer({"a": ("u1", 3)})
    del w
    gc.collect()
    assert len(files_of(store)) == 1


def test_a_compressed_writer_stores_fewer_bytes() -> None:
    with SharedSceneBuffer.writer({"corner_vert": ("i4", N)}, use_compression=True) as w:
        w["corner_vert"] = np.arange(N)
    assert w.scene.use_compression
    np.testing.assert_array_equal(np.asarray(w.scene["corner_vert"]), np.arange(N))


@pytest.mark.parametrize(
    "layout",
    [
        {"a": ("f4",)},
        {"a": "f4"},
        ["a"],
        {"a": ("f3", 1)},
        {"a": ("O", 1)},
        {"a": ("f4", -1)},
        {"a": ("f4", (2**40, 2**40))},
        {"a": ("f4", 2.5)},
        {"a": ("f4", 1, "vertex")},
        {"": ("f4", 1)},
        {"a": ("f4", (1,) * 9)},
    ],
    ids=repr,
)
def test_a_bad_layout_is_refused(layout: Any, store: Store) -> None:
    with pytest.raises((shm.InvalidArgument, TypeError)):
        SharedSceneBuffer.writer(layout)
    assert files_of(store) == []


def test_another_process_fills_what_an_agent_made_empty(run_python: Any, store: Store) -> None:
    empty: Any = SharedSceneBuffer.create_empty({"position": ("f4", (2, 3))}, name="for-blender", kind="Geometry")
    assert (empty.state, store.list()[0]["state"]) == ("empty", "empty")
    for read in (empty.read, empty.view, lambda: empty["position"]):
        with pytest.raises(shm.NotSealed) as error:
            read()
        assert error.value.state == "empty"
    with SharedSceneBuffer.fill("for-blender") as w:
        assert (empty.state, store.list()[0]["state"]) == ("filling", "filling")
        with pytest.raises(shm.Busy):
            SharedSceneBuffer.fill("for-blender")
        w.abort()
    assert empty.state == "empty"
    run_python(
        "import dcc_mcp_shm as shm\n"
        "with shm.SharedSceneBuffer.fill('for-blender') as w: w['position'] = [[1, 2, 3], [4, 5, 6]]"
    )
    assert empty.state == "sealed"
    np.testing.assert_array_equal(np.asarray(empty["position"]), [[1, 2, 3], [4, 5, 6]])
    with pytest.raises(shm.Sealed):
        SharedSceneBuffer.fill("for-blender")


@pytest.mark.parametrize("values", [np.zeros(100_000, "f4"), np.random.default_rng(1).random(100_000, "f4")])
def test_what_is_kept_of_a_compressed_writer_is_the_process_s_own(values: NDArray[np.float32]) -> None:
    with SharedSceneBuffer.writer({"a": ("f4", values.size)}, use_compression=True) as w:
        kept = np.asarray(w["a"])
        kept[:] = values
    assert (kept == values).all()
    kept[:] = 7
    assert w.scene.read() == values.tobytes()


# Filled in memory of the process first, and in the file itself.
SIZES = [1, 4096, 300_000, 2 << 20, 5 << 20]


@pytest.mark.parametrize("size", SIZES)
def test_memory_that_is_kept_is_never_another_scene_s(size: int) -> None:
    rng = np.random.default_rng(size)
    kept = []
    for number in range(20):
        with SharedSceneBuffer.writer({"a": ("u1", size)}) as w:
            array = np.asarray(w["a"])
            assert not array.any(), "it starts as zeros"
            array[:] = rng.integers(0, 256, size, dtype="u1")
        expected = bytes(w.scene["a"])
        if number % 3 == 0:
            kept.append((array, w.scene, expected))
        elif number % 3 == 1:
            # What is written to it reaches nobody.
            array[:] = 255
            assert bytes(w.scene["a"]) == expected
        del array, w
        for old, scene, bytes_then in kept:
            assert old.tobytes() == bytes(scene["a"]) == bytes_then
        if number == 10:
            for old, _, _ in kept:
                old[:] = 77
            assert all(bytes(scene["a"]) == bytes_then for _, scene, bytes_then in kept)
            kept = []


@pytest.mark.parametrize("export", [memoryview, np.asarray, np.from_dlpack], ids=["memoryview", "numpy", "dlpack"])
def test_any_export_keeps_its_memory(export: Any) -> None:
    with SharedSceneBuffer.writer({"a": ("u1", 1000)}) as w:
        np.asarray(w["a"])[:] = 7
        kept = export(w["a"])
    del w
    gc.collect()
    for _ in range(20):
        with SharedSceneBuffer.writer({"a": ("u1", 1000)}) as other:
            np.asarray(other["a"])[:] = 8
    assert bytes(kept) == bytes([7]) * 1000


def test_a_scene_that_finds_no_room_at_its_end_can_still_be_read(store: Store) -> None:
    store.quota = 50_000
    writer = SharedSceneBuffer.writer({"a": ("u1", 100_000)})
    array = np.asarray(writer["a"])
    array[:] = 7
    with pytest.raises(shm.StoreFull, match="quota"):
        writer.finish()
    assert (array == 7).all()
    assert files_of(store) == []
    store.quota = None
    with SharedSceneBuffer.writer({"a": ("u1", 100_000)}) as again:
        again["a"] = array
    assert (np.asarray(again.scene["a"]) == 7).all()


@pytest.mark.parametrize("size", SIZES)
def test_a_forked_child_does_not_see_what_is_being_filled(size: int) -> None:
    """And cannot publish it; what is published it sees."""
    with SharedSceneBuffer.writer({"a": ("u1", size)}) as w:
        array = np.asarray(w["a"])
        array[:] = 7
        child = os.fork()
        if child == 0:
            seen = array.any()
            try:
                w.finish()
            except shm.Forked:
                os._exit(3 if seen else 0)
            os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    child = os.fork()
    if child == 0:
        os._exit(0 if (array == 7).all() and bytes(w.scene["a"]) == bytes([7]) * size else 5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
