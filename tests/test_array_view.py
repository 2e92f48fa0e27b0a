"""`ArrayView`: rows, slices and the ways by which array libraries take its memory, against NumPy as a model."""

import ctypes
import gc
from typing import Any

import numpy as np
import pytest
from dcc_mcp_shm import SharedBuffer, SharedSceneBuffer
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn
from PIL import Image

DTYPES = ["|b1", "|i1", "|u1", "<i2", "<u2", "<f2", "<i4", "<u4", "<f4", "<i8", "<u8", "<f8", "<c8", "<c16"]
POINTS = np.arange(12, dtype="f4").reshape(4, 3)


def view_of(array: np.ndarray[Any, Any], **options: Any) -> Any:
    return SharedSceneBuffer.write_arrays({"a": array}, **options)["a"]


def address(array: Any) -> int:
    return int(np.asarray(array).__array_interface__["data"][0])


@given(data=st.data(), shape=hn.array_shapes(min_dims=1, max_dims=4, max_side=5), dtype=st.sampled_from(DTYPES))
@settings(max_examples=300, deadline=None)
def test_parts_are_those_of_numpy_and_share_the_memory(data: st.DataObject, shape: tuple[int, ...], dtype: str) -> None:
    array = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
    view = view_of(array)
    whole = np.asarray(view)
    index = data.draw(hn.basic_indices(shape, allow_newaxis=False))
    if isinstance(index, int):
        index = (index,)
    expected, part = array[index], view[index]
    if expected.shape == () and Ellipsis not in (index if isinstance(index, tuple) else (index,)):
        assert part == expected
        return
    taken = np.asarray(part)
    np.testing.assert_array_equal(taken, expected)
    assert (part.shape, part.dtype, len(part)) == (expected.shape, dtype, expected.size)
    assert part.tobytes() == expected.tobytes()
    assert part.nbytes == expected.nbytes
    assert part.readonly
    assert expected.size == 0 or np.shares_memory(taken, whole)
    assert [part[i] for i in range(len(part))] == expected.ravel().tolist()
    with pytest.raises(IndexError):
        part[len(part)]
    for again in (part.__array_interface__, view.__array_interface__):
        assert again["version"] == 3
    holder = type("Holder", (), {"__array_interface__": part.__array_interface__, "part": part})()
    np.testing.assert_array_equal(np.asarray(holder), expected)
    np.testing.assert_array_equal(np.from_dlpack(part), expected)


def test_length_and_flat_index_stay_those_of_blender() -> None:
    view = view_of(POINTS)
    assert (len(view), view[4], view[-1], list(view)) == (12, 4.0, 11.0, POINTS.ravel().tolist())
    assert (len(view.rows), len(view[1:3]), view[1:3].shape) == (4, 6, (2, 3))


def test_rows_are_views() -> None:
    view = view_of(POINTS)
    assert [np.asarray(row).tolist() for row in view.rows] == POINTS.tolist()
    assert np.asarray(view.rows[-1]).tolist() == [9, 10, 11]
    assert np.asarray(view.rows[1:3]).tolist() == POINTS[1:3].tolist()
    assert address(view.rows[2]) == address(view) + 24
    assert list(view_of(np.arange(3)).rows) == [0, 1, 2]
    for outside in (4, -5):
        with pytest.raises(IndexError):
            view.rows[outside]
    with pytest.raises(TypeError, match="without axes"):
        view_of(np.array(5.0)).rows  # noqa: B018 (that it raises is the test)


@pytest.mark.parametrize(
    "index", [(0, 0, 0), (..., ...), "a", 1.5, None, ([0, 1],), (0, "a"), (0, 3), (4,), (-5,), (2**80,)]
)
def test_other_indices_are_refused(index: Any) -> None:
    with pytest.raises((IndexError, TypeError)):
        view_of(POINTS)[index]


def test_parts_outlive_all_else_and_are_written_in_a_block() -> None:
    column = view_of(POINTS)[:, 1]
    gc.collect()
    assert np.asarray(column).tolist() == [1, 4, 7, 10]
    with pytest.raises(BufferError, match="read-only"):
        column[:] = 0
    with SharedSceneBuffer.writer({"a": ("f4", (4, 3))}) as w:
        w["a"][:] = POINTS
        w["a"][:, 0] = [9, 8, 7, 6]
        w["a"][1] = 5
        w["a"][-1, -1] = 4
        w["a"][::2, 1:] = 0
        with pytest.raises(TypeError):
            w["a"][:] = 1j
        kept = w["a"]
    expected = POINTS.copy()
    expected[:, 0] = [9, 8, 7, 6]
    expected.flat[1] = 5
    expected[-1, -1] = 4
    expected[::2, 1:] = 0
    np.testing.assert_array_equal(np.asarray(w.scene["a"]), expected)
    with pytest.raises(BufferError, match="read-only"):
        kept[:] = 0


def test_consumers_that_take_no_steps_are_told_to_copy() -> None:
    column = view_of(POINTS)[:, 1]
    with pytest.raises((BufferError, ValueError)):
        SharedSceneBuffer.write(column)
    assert SharedSceneBuffer.write(column.tobytes()).read() == np.ascontiguousarray(POINTS[:, 1]).tobytes()
    with SharedSceneBuffer.writer({"a": ("f4", 4)}) as w:
        w["a"] = column
    assert np.asarray(w.scene["a"]).tolist() == [1, 4, 7, 10]


@given(array=hn.arrays(st.sampled_from(DTYPES), hn.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
@settings(max_examples=200, deadline=None)
def test_dlpack_is_read_without_a_copy(array: np.ndarray[Any, Any]) -> None:
    view = view_of(array)
    assert view.__dlpack_device__() == (1, 0)
    taken = np.from_dlpack(view)
    assert (taken.dtype, taken.shape, taken.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert array.size == 0 or address(taken) == address(view)
    assert not taken.flags.writeable
    del view
    gc.collect()
    assert taken.tobytes() == array.tobytes()


def test_dlpack_says_whether_it_may_be_written_to() -> None:
    with SharedSceneBuffer.writer({"a": ("f4", 3)}) as w:
        np.from_dlpack(w["a"])[:] = [1, 2, 3]
    assert np.asarray(w.scene["a"]).tolist() == [1, 2, 3]
    copied = np.from_dlpack(w.scene["a"], copy=True)
    copied[:] = 0
    assert np.asarray(w.scene["a"]).tolist() == [1, 2, 3]


def capsule_name(capsule: object) -> bytes | None:
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    found: bytes | None = name(capsule)
    return found


def test_dlpack_speaks_to_older_consumers_too() -> None:
    scene = SharedSceneBuffer.write_arrays({"a": POINTS}, unlink_on_close=True)
    view = scene["a"]
    assert capsule_name(view.__dlpack__()) == b"dltensor"
    assert capsule_name(view.__dlpack__(stream=None, max_version=(0, 8))) == b"dltensor"
    assert capsule_name(view.__dlpack__(max_version=(1, 1), dl_device=(1, 0), copy=False)) == b"dltensor_versioned"
    for refused in ({"stream": 1}, {"dl_device": (2, 0)}):
        with pytest.raises(BufferError):
            view.__dlpack__(**refused)
    # Capsules that nobody takes let go of the memory.
    capsules = [view.__dlpack__(max_version=(1, 0)), view.__dlpack__()]
    scene.close()
    del view, scene
    gc.collect()
    del capsules
    with pytest.raises(BufferError, match=">f4"):
        np.from_dlpack(view_of(POINTS.astype(">f4")))
    # What must never be written to is given only to those who know that.
    buffer = SharedBuffer.create(8)
    buffer.write(b"12345678")
    exporter: Any = buffer.view().obj
    with pytest.raises(BufferError, match="read-only"):
        exporter.__dlpack__()
    assert np.from_dlpack(exporter).tobytes() == b"12345678"


@pytest.mark.parametrize(
    ("dtype", "shape", "value", "mode"),
    [("u1", (5, 7), 9, "L"), ("u1", (5, 7, 4), (1, 2, 3, 4), "RGBA"), ("<u2", (5, 7), 40_000, "I;16")],
)
def test_pillow_takes_the_memory(dtype: str, shape: tuple[int, ...], value: Any, mode: str) -> None:
    with SharedSceneBuffer.writer({"a": (dtype, shape)}) as w:
        image = Image.fromarray(w["a"])
        assert (image.mode, image.size) == (mode, (7, 5))
        np.asarray(w["a"])[2, 6] = value
        assert image.getpixel((6, 2)) == value, "a copy"
    image = Image.fromarray(w.scene["a"])
    gc.collect()
    assert (image.getpixel((6, 2)), image.readonly) == (value, 1)
    image.putpixel((0, 0), value)  # Pillow copies before it writes to what is read-only
    assert not np.asarray(w.scene["a"])[0, 0].any()


@pytest.mark.parametrize(("dtype", "shape"), [("u1", (5, 7, 3)), ("f4", (5, 7)), ("i4", (5, 7)), ("u1", (5, 7, 2))])
def test_pillow_copies_what_it_has_no_such_images_of(dtype: str, shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
    for view, expected in ((view_of(pixels), pixels), (view_of(pixels)[1:4, ::2], pixels[1:4, ::2])):
        np.testing.assert_array_equal(np.asarray(Image.fromarray(view)), expected)


def test_the_array_interface_says_where_the_memory_is() -> None:
    pixels = np.arange(2 * 3 * 4, dtype="u1").reshape(2, 3, 4)
    view = view_of(pixels)
    interface = view.__array_interface__
    assert (interface["shape"], interface["typestr"], interface.get("strides")) == ((2, 3, 4), "|u1", None)
    assert bytes(memoryview(view)) == pixels.tobytes()
    strided = view[:, ::2]
    assert strided.__array_interface__["strides"] == (12, 8, 1)
    assert strided.tobytes() == pixels[:, ::2].tobytes()
