"""What objects with the buffer protocol say of themselves, right or wrong, and what is refused by name."""

import array
import ctypes
from collections.abc import Callable
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from dcc_mcp_shm import BufferPool, InvalidArgument, SharedBuffer, SharedSceneBuffer, Store
from hypothesis import given, settings
from hypothesis import strategies as st


class PyBuffer(ctypes.Structure):
    """`Py_buffer`, as exporters fill it."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    )


_KEPT: list[Any] = []


def exporter(data: bytes, shape: tuple[int, ...], itemsize: int, length: int, form: bytes = b"f") -> memoryview:
    """A buffer of this shape that says it had so many bytes, as PyImath's V3fArray says 12 of 36."""
    memory = ctypes.create_string_buffer(data, len(data))
    steps = [itemsize]
    for extent in reversed(shape[1:]):
        steps.insert(0, steps[0] * extent)
    lengths = (ctypes.c_ssize_t * len(shape))(*shape)
    strides = (ctypes.c_ssize_t * len(shape))(*steps)
    raw = PyBuffer(
        buf=ctypes.addressof(memory), len=length, itemsize=itemsize, ndim=len(shape), format=form,
        shape=lengths, strides=strides,
    )  # fmt: skip
    _KEPT.append((memory, lengths, strides, raw))
    make = ctypes.pythonapi.PyMemoryView_FromBuffer
    make.restype, make.argtypes = ctypes.py_object, [ctypes.POINTER(PyBuffer)]
    view = make(ctypes.byref(raw))
    assert view.nbytes == length
    assert isinstance(view, memoryview)
    return view


THREE = np.arange(9, dtype="f4").reshape(3, 3)


def as_written(source: Any) -> bytes:
    return bytes(SharedSceneBuffer.write(source).read())


def as_array(source: Any) -> bytes:
    return bytes(SharedSceneBuffer.write_arrays({"a": source}).read())


def as_filled(source: Any) -> bytes:
    with SharedSceneBuffer.writer({"a": ("f4", (3, 3))}) as w:
        w["a"] = source
    return bytes(w.scene.read())


def as_rewritten(source: Any) -> bytes:
    buffer = SharedBuffer.create(64)
    assert buffer.write(source) == 36
    return bytes(buffer.read())


@pytest.mark.parametrize("length", [12, 0, 1, 35, 36, 37, 400])
@pytest.mark.parametrize("take", [as_written, as_array, as_filled, as_rewritten])
def test_shape_and_width_are_the_truth(take: Callable[[Any], bytes], length: int) -> None:
    assert take(exporter(THREE.tobytes(), (3, 3), 4, length)) == THREE.tobytes()


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    form=st.sampled_from([(b"f", 4, "f4"), (b"d", 8, "f8"), (b"h", 2, "i2"), (b"B", 1, "u1")]),
    length=st.integers(0, 4096),
)
@settings(max_examples=100, deadline=None)
def test_any_shape_is_taken_whole(shape: tuple[int, ...], form: tuple[bytes, int, str], length: int) -> None:
    letter, width, dtype = form
    data = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
    source = exporter(data.tobytes(), shape, width, length, letter)
    scene = SharedSceneBuffer.write_arrays({"a": source})
    np.testing.assert_array_equal(np.asarray(scene["a"]), data)
    assert scene.size_bytes == data.nbytes
    with SharedSceneBuffer.writer({"a": (dtype, shape)}) as w:
        w["a"] = source
    np.testing.assert_array_equal(np.asarray(w.scene["a"]), data)


@pytest.mark.parametrize(
    ("shape", "width", "length"), [((-1,), 4, 4), ((2**40, 2**40), 4, 12), ((3,), 0, 12), ((3,), 4, -1), ((3,), -4, 12)]
)
def test_what_cannot_be_reconciled_is_refused_by_name(
    shape: tuple[int, ...], width: int, length: int, store: Store
) -> None:
    source = exporter(bytes(64), shape, width, length)
    with pytest.raises((BufferError, TypeError), match='"rest": this buffer contradicts itself'):
        SharedSceneBuffer.write_arrays({"position": THREE, "rest": source})
    with pytest.raises(BufferError, match='"a": this buffer contradicts itself'):
        as_filled(source)
    buffer = SharedBuffer.create(64)
    buffer.write(b"old")
    for write in (buffer.write, SharedSceneBuffer.write):
        with pytest.raises(BufferError):
            write(source)
    assert buffer.read() == b"old"
    assert [len(store.list())] == [1]


def test_a_width_that_is_not_that_of_its_format_is_refused_by_name() -> None:
    # A vector of three as one element, which NumPy would take for a number each.
    source = exporter(THREE.tobytes(), (3,), 12, 36)
    with pytest.raises(TypeError, match='"a": elements of format "f" and 12 bytes'):
        SharedSceneBuffer.write_arrays({"a": source})
    assert as_written(source) == THREE.tobytes()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("f4", (3, 3)), ("<u2", 5), (">i8", (2, 1)), ("?", 4), ("b1", 4), ("c8", ()), ("f2", (2, 2)), ("u1", (2, 3))],
)
def test_bytes_of_the_right_length_are_the_array(kind: Callable[[bytes], Any], dtype: str, shape: Any) -> None:
    array = np.ones(shape, dtype)
    with SharedSceneBuffer.writer({"a": (dtype, shape)}) as w:
        w["a"] = kind(array.tobytes())
    np.testing.assert_array_equal(np.asarray(w.scene["a"]), array)


@pytest.mark.parametrize("length", [0, 9, 35, 37, 72])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_bytes_of_another_length_are_refused(kind: Callable[[bytes], Any], length: int) -> None:
    with pytest.raises(ValueError, match=f'"a": {length} bytes do not fit; 9 elements of <f4 take 36'):
        as_filled(kind(bytes(length)))


def test_an_array_of_bytes_is_numbers_and_not_the_array_itself() -> None:
    assert np.frombuffer(as_filled(np.arange(9, dtype="u1")), "f4").tolist() == list(range(9))
    assert np.frombuffer(as_filled(memoryview(bytes(range(9)))), "f4").tolist() == list(range(9))
    with pytest.raises(ValueError, match=r'"a": shape \[36\] does not fit'):
        as_filled(np.zeros(36, "u1"))


def test_errors_name_the_array() -> None:
    records = np.zeros(3, [("x", "f4"), ("label", "O")])
    cases: list[tuple[Any, Any]] = [
        ([1, 2], TypeError), ("text", TypeError), (None, TypeError), (records, TypeError), (object(), TypeError),
        (np.array(["a", "b"]), TypeError), (np.array([None]), TypeError),
        (np.zeros(2, "M8[s]"), (TypeError, ValueError)),
        (np.zeros((4, 4))[:, ::2], InvalidArgument),
    ]  # fmt: skip
    for bad, error in cases:
        with pytest.raises(error, match='"material"'):
            SharedSceneBuffer.write_arrays({"position": THREE, "material": bad})
    for bad in (
        ["x"] * 9,
        np.zeros((2, 2)),
        1j,
        np.zeros((3, 3), "c8"),
        np.zeros((3, 3), "O"),
        object(),
        records,
        {"a": 1},
    ):
        with pytest.raises((TypeError, ValueError), match='"a"'):
            as_filled(bad)
    layouts: list[Any] = [
        ("f3", 3),
        ("f4", -1),
        ("f4", "x"),
        ("f4", 3, "vertex"),
        ("f4",),
        5,
        ("f4", 3, 5),
        (object, 3),
    ]
    for bad in layouts:
        with pytest.raises((TypeError, ValueError, InvalidArgument), match='"material"'):
            SharedSceneBuffer.writer({"position": ("f4", 3), "material": bad})
    for name in (5, None, b"a"):
        with pytest.raises(TypeError, match="the name of an array must be a str"):
            SharedSceneBuffer.write_arrays({name: THREE})  # type: ignore[dict-item]
        with pytest.raises(TypeError, match="the name of an array must be a str"):
            SharedSceneBuffer.writer({name: ("f4", 3)})  # type: ignore[dict-item]


class Deferred:
    """An object that becomes an array when it is asked."""

    def __init__(self, made: Any) -> None:
        """Keep what it becomes."""
        self.made = made

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """The array, whatever is asked for."""
        return self.made


def test_masked_arrays_are_refused_and_not_unmasked(store: Store) -> None:
    masked: Any = np.ma.array(THREE, mask=np.eye(3, dtype=bool))
    buffer = SharedBuffer.create(64)
    for source in (masked, np.ma.array(THREE), masked[:2], np.ma.masked, np.ma.array(THREE).astype("i4")):
        for write in (as_written, as_array, as_filled, buffer.write):
            with pytest.raises(TypeError, match="is a masked array"):
                write(source)
        with pytest.raises(TypeError, match="is a masked array"):
            SharedSceneBuffer.write(b"", attrs={"facts": source})
    others: list[Any] = [[masked[0], masked[1], masked[2]], tuple(masked), Deferred(masked)]
    for other in others:
        with pytest.raises(TypeError, match="is a masked array"):
            as_filled(other)
    with SharedSceneBuffer.writer({"a": ("f4", (3, 3))}) as w:
        with pytest.raises(TypeError, match="is a masked array"):
            w["a"][:] = masked
        w["a"] = masked.filled(7)
    assert np.asarray(w.scene["a"]).diagonal().tolist() == [7, 7, 7]
    assert store.list(kind="Arbitrary")[0]["id"] == w.scene.id


LONE: Any = "a\ud800b"


@pytest.mark.parametrize(
    "call",
    [
        lambda: SharedSceneBuffer.write(b"", name=LONE),
        lambda: SharedSceneBuffer.write(b"", group=LONE),
        lambda: SharedSceneBuffer.write(b"", source_dcc=LONE),
        lambda: SharedSceneBuffer.write(b"", attrs={LONE: 1}),
        lambda: SharedSceneBuffer.write(b"", attrs={"a": LONE}),
        lambda: SharedSceneBuffer.write(b"", attrs={"a": [LONE]}),
        lambda: SharedSceneBuffer.write(b"", kind=LONE),
        lambda: SharedSceneBuffer.write_arrays({LONE: THREE}),
        lambda: SharedSceneBuffer.write_arrays({"a": THREE}, domains={LONE: "point"}),
        lambda: SharedSceneBuffer.write_arrays({"a": THREE}, domains={"a": LONE}),
        lambda: SharedSceneBuffer.writer({LONE: ("f4", 3)}),
        lambda: SharedSceneBuffer.writer({"a": (LONE, 3)}),
        lambda: SharedSceneBuffer.create_empty({"a": ("f4", 3, LONE)}),
        lambda: SharedSceneBuffer.writer({"a": ("f4", 3)})[LONE],
        lambda: SharedSceneBuffer.writer({"a": ("f4", 3)}).__setitem__(LONE, THREE),
        lambda: SharedSceneBuffer.write_arrays({"a": THREE})[LONE],
        lambda: SharedSceneBuffer.fill(LONE),
        lambda: SharedSceneBuffer.open(LONE),
        lambda: SharedSceneBuffer.open_path(LONE, "5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10"),
        lambda: SharedSceneBuffer.open_path("/nowhere/x", LONE),
        lambda: SharedSceneBuffer.from_descriptor_json(LONE),
        lambda: SharedBuffer.create(1, name=LONE),
        lambda: SharedBuffer.open(LONE),
        lambda: SharedBuffer.open(id=LONE),
        lambda: SharedBuffer.open("/nowhere/x", LONE),
        lambda: SharedBuffer.from_descriptor_json(LONE),
        lambda: BufferPool(1, 1, LONE),
        lambda: BufferPool.open_or_create(1, 1, LONE),
        lambda: BufferPool.open(LONE),
        lambda: Store(LONE),
        lambda: Store().describe(LONE),
        lambda: Store().delete(LONE),
        lambda: Store().list(name=LONE),
        lambda: Store().list(group=LONE),
        lambda: Store().wait(source_dcc=LONE, timeout=0),
    ],
)
def test_half_of_a_surrogate_pair_is_an_invalid_argument(call: Callable[[], object], store: Store) -> None:
    with pytest.raises(InvalidArgument):
        call()
    assert store.list() == [] or not any(LONE in str(descriptor) for descriptor in store.list())


def test_no_array_has_a_name_with_half_of_a_surrogate_pair() -> None:
    with SharedSceneBuffer.writer({"a": ("f4", 3)}) as w:
        assert LONE not in w
    assert LONE not in w.scene


@pytest.mark.parametrize(
    "name",
    [
        "5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10",
        "5A0C7B160B5C4B439A3F3F6A3E3B1F10",
        "{5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10}",
        "urn:uuid:5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10",
        "{hero}",
        ' {"id": "x"}',
        "{",
    ],
)
def test_a_name_that_could_never_be_opened_again_is_refused(name: str, store: Store) -> None:
    for make in (
        lambda: SharedSceneBuffer.write(b"", name=name),
        lambda: SharedSceneBuffer.write_arrays({"a": THREE}, name=name),
        lambda: SharedSceneBuffer.writer({"a": ("f4", 3)}, name=name),
        lambda: SharedSceneBuffer.create_empty({"a": ("f4", 3)}, name=name),
        lambda: SharedBuffer.create(1, name=name),
        lambda: BufferPool(1, 1, name),
        lambda: BufferPool.open_or_create(1, 1, name),
    ):
        with pytest.raises(InvalidArgument, match="could never be opened") as refused:
            make()
        assert refused.value.argument == "name"
    assert store.list() == []


@given(name=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_what_is_not_refused_is_opened_by_its_name(name: str) -> None:
    try:
        scene = SharedSceneBuffer.write(b"data", name=name, replace=True)
    except InvalidArgument:
        return
    assert SharedSceneBuffer.open(name).id == scene.id
    buffer = SharedBuffer.create(8, name=name, replace=True)
    assert SharedBuffer.open(name).id == SharedBuffer.open(id=name).id == buffer.id
    buffer.unlink()


def test_a_buffer_is_opened_as_a_scene_is(store: Store) -> None:
    buffer = SharedBuffer.create(8, name="latest")
    descriptor = store.describe("latest")
    for reference in ("latest", buffer.id, buffer.descriptor_json(), descriptor):
        assert SharedBuffer.open(reference).id == SharedBuffer.open(reference, store=store).id == buffer.id
        assert SharedBuffer.open(id=reference).id == buffer.id
    assert SharedBuffer.open(buffer.path(), buffer.id).id == buffer.id
    with pytest.raises(shm.NotFound):
        SharedBuffer.open("nope")
    with pytest.raises(InvalidArgument, match="a path alone"):
        SharedBuffer.open(buffer.path())
    with pytest.raises(InvalidArgument, match="is missing"):
        SharedBuffer.open()


def test_a_listing_takes_the_filters_of_a_wait(store: Store) -> None:
    SharedSceneBuffer.write(b"", name="a", kind="Geometry", source_dcc="Blender 5.0.1", group="set")
    SharedSceneBuffer.write(b"", name="b", kind="Screenshot", source_dcc="Nuke", group="shot")
    SharedBuffer.create(1, name="ab", kind="Geometry", source_dcc="blender", group="shot")
    filters: list[dict[str, Any]] = [
        {}, {"kind": "Geometry"}, {"kind": shm.SceneDataKind.Screenshot}, {"source_dcc": "BLENDER"}, {"name": "a"},
        {"group": "shot"}, {"kind": "Geometry", "group": "shot"}, {"name": "a", "source_dcc": "Nuke"}, {"name": None},
    ]  # fmt: skip
    for wanted in filters:
        listed = [descriptor["id"] for descriptor in store.list(**wanted)]
        waited = [descriptor["id"] for descriptor in store.wait(after=[], timeout=0, **wanted)]
        assert listed == waited[::-1], wanted
    assert [len(store.list(**wanted)) for wanted in filters] == [3, 2, 1, 2, 1, 2, 1, 0, 3]
    with pytest.raises(InvalidArgument):
        store.list(kind="mesh")
    with pytest.raises(TypeError, match="name"):
        store.list(name=5)  # type: ignore[arg-type]


def test_arrays_of_the_standard_library_are_taken() -> None:
    assert as_filled(array.array("f", range(9))) == THREE.tobytes()
    assert as_filled((ctypes.c_float * 9)(*range(9))) == THREE.tobytes()
