"""Scenes that are written whole: what goes in, what comes out, and what stays."""

import array
import collections
import ctypes
import gc
import json
import pickle
from pathlib import Path
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from dcc_mcp_shm import SceneDataKind, SharedSceneBuffer, Store


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        array.array("d", [1.5, 2.5]),
        np.arange(12, dtype="f4").reshape(3, 4),
        np.arange(3, dtype=">i2"),
        np.array([(1, 2.5)], dtype=[("id", "i4"), ("weight", "f8")]),
        np.array(["2026-11-24"], dtype="M8[D]"),
        np.float64(1.5),
    ],
    ids=lambda data: f"{type(data).__name__}-{getattr(data, 'dtype', '')}",
)
def test_anything_with_the_buffer_protocol_is_written_as_its_bytes(data: Any) -> None:
    expected = data.tobytes() if hasattr(data, "tobytes") else bytes(data)
    scene = SharedSceneBuffer.write(data)
    assert scene.read() == expected
    assert bytes(scene.view()) == expected
    assert scene.size_bytes == len(expected)


def test_what_has_no_contiguous_bytes_is_refused() -> None:
    strided = np.arange(10)[::2]
    with pytest.raises((BufferError, ValueError)) as error:
        SharedSceneBuffer.write(strided)
    assert "ascontiguousarray" in error.value.__notes__[0]
    with pytest.raises(TypeError, match=r'"a" is a list, without a buffer of elements; pass numpy.asarray\(it\)'):
        SharedSceneBuffer.write_arrays({"a": [1, 2, 3]})  # type: ignore[dict-item]
    with pytest.raises(shm.InvalidArgument, match="ascontiguousarray"):
        SharedSceneBuffer.write_arrays({"a": strided})
    with pytest.raises(TypeError):
        SharedSceneBuffer.write("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="addresses"):
        SharedSceneBuffer.write(np.array([object()]))
    with pytest.raises(TypeError, match="addresses"):
        SharedSceneBuffer.write(np.zeros(2, dtype=[("date", "M8[s]"), ("object", "O")]))
    assert Store().list() == []


def test_a_domain_of_no_array_is_refused() -> None:
    with pytest.raises(shm.InvalidArgument, match='"normals"') as error:
        SharedSceneBuffer.write_arrays({"normal": np.ones(3)}, domains={"normals": "point"})
    assert error.value.argument == "domains"
    assert Store().list() == []


def test_arrays_lie_in_the_order_that_a_mapping_has() -> None:
    arrays = collections.OrderedDict(a=np.ones(3), b=np.ones(4))
    arrays.move_to_end("a")
    assert list(SharedSceneBuffer.write_arrays(arrays).keys()) == ["b", "a"]


def test_kinds_are_found_by_what_they_equal_and_go_to_other_processes() -> None:
    for kind in (SceneDataKind.Geometry, SceneDataKind.Arbitrary):
        assert pickle.loads(pickle.dumps(kind)) == kind
    assert {SceneDataKind.AnimationCache: "cache"}[1] == "cache"  # type: ignore[index]


def test_reading_behind_the_end_names_the_offset() -> None:
    scene = SharedSceneBuffer.write(b"data")
    assert (scene.read(2, 10), scene.read(4)) == (b"ta", b"")
    with pytest.raises(shm.InvalidArgument) as error:
        scene.read(5)
    assert error.value.argument == "offset"


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_keep_type_shape_and_domain(compressed: bool) -> None:
    arrays = {
        "position": np.random.default_rng(1).random((1000, 3), dtype="f4"),
        "corner_vert": np.arange(4000, dtype="i4"),
        "mask": np.ones(7, dtype=bool),
        "half": np.arange(5, dtype="f2"),
        "wide": np.arange(4, dtype="c16"),
        "swapped": np.arange(6, dtype=">f8").reshape(2, 3),
        "nothing": np.empty((0, 3), dtype="f4"),
        "single": np.array(7, dtype="u8"),
    }
    scene = SharedSceneBuffer.write_arrays(
        arrays, domains={"position": "point", "corner_vert": "corner"}, use_compression=compressed
    )
    assert scene.use_compression == compressed
    assert list(scene) == scene.keys() == list(arrays)
    for name, expected in arrays.items():
        found = np.asarray(scene[name])
        assert found.dtype == expected.dtype, name
        assert found.shape == expected.shape, name
        np.testing.assert_array_equal(found, expected)
        assert not found.flags.writeable
    described = json.loads(scene.descriptor_json())["arrays"]
    assert (described["position"]["domain"], described["corner_vert"]["domain"]) == ("point", "corner")
    assert "domain" not in described["mask"]
    assert ("offset" in described["position"]) != compressed


def test_an_array_shares_the_memory_and_outlives_the_scene() -> None:
    expected = np.arange(300_000, dtype="f4").reshape(-1, 3)
    scene = SharedSceneBuffer.write_arrays({"position": expected})
    first, second = np.asarray(scene["position"]), np.asarray(scene["position"])
    assert np.shares_memory(first, second)
    assert len(scene["position"]) == 300_000
    view = scene.view()
    scene.unlink()
    scene.close()
    del scene, second
    gc.collect()
    np.testing.assert_array_equal(first, expected)
    assert bytes(view[:4]) == expected.tobytes()[:4]


def test_nothing_reaches_the_shared_data_through_a_view() -> None:
    scene = SharedSceneBuffer.write_arrays({"a": np.zeros(1000, "f4")})
    found = np.asarray(scene["a"])
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        found.flags.writeable = True
    with pytest.raises(BufferError):
        scene["a"].__buffer__(1)  # PyBUF_WRITABLE
    with pytest.raises(BufferError):
        scene["a"][0] = 1
    # What Blender 5.0 does: write all the same.
    address = found.__array_interface__["data"][0]
    ctypes.memset(address, 255, found.nbytes)
    assert np.isnan(found).all()
    assert not np.asarray(SharedSceneBuffer.open(scene.id)["a"]).any()


def test_a_range_is_read_alone() -> None:
    data = np.random.default_rng(2).integers(0, 9, 3_000_000, dtype="u1")
    for compressed in (False, True):
        scene = SharedSceneBuffer.write(data, use_compression=compressed)
        assert scene.use_compression == compressed
        for offset, size in [(0, 1), (1_048_575, 2), (2_999_999, 1), (3_000_000, 5), (17, 2_500_000)]:
            assert scene.read(offset, size) == data[offset : offset + size].tobytes()
        assert scene.read(offset=2_999_000) == data[2_999_000:].tobytes()
        with pytest.raises(shm.InvalidArgument):
            scene.read(3_000_001)


def test_compression_is_reported_as_it_is() -> None:
    zeros = SharedSceneBuffer.write(bytes(1 << 20), use_compression=True)
    noise = np.random.default_rng(3).bytes(1 << 20)
    plain = SharedSceneBuffer.write(noise, use_compression=True)
    assert (zeros.use_compression, plain.use_compression) == (True, False)
    assert json.loads(zeros.descriptor_json())["stored_bytes"] < 10_000
    assert (zeros.read(), plain.read()) == (bytes(1 << 20), noise)
    with pytest.raises(shm.Compressed):
        zeros.view()


def test_names_are_unique_and_can_be_taken_over(store: Store) -> None:
    old = SharedSceneBuffer.write(b"old", name="set/hero..v2")
    with pytest.raises(shm.NameTaken) as taken:
        SharedSceneBuffer.write(b"new", name="set/hero..v2")
    assert taken.value.holder == old.id
    new = SharedSceneBuffer.write(b"new", name="set/hero..v2", replace=True)
    assert SharedSceneBuffer.open("set/hero..v2").id == new.id
    assert old.read() == b"old", "who holds the old one keeps it"
    assert (old.name, new.name) == (None, "set/hero..v2")
    assert [buffer["id"] for buffer in store.list()] == [new.id]
    new.unlink()
    SharedSceneBuffer.write(b"again", name="set/hero..v2")


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x00b", "\x1b[31m"])
def test_a_bad_name_is_refused(name: str, store: Store) -> None:
    with pytest.raises(shm.InvalidArgument) as error:
        SharedSceneBuffer.write(b"data", name=name)
    assert error.value.argument == "name"
    assert store.list() == []


def test_facts_about_a_scene_come_back(store: Store) -> None:
    attrs = {
        "upAxis": "Z",
        "metersPerUnit": np.float32(0.5),
        "transform": np.eye(4).ravel(),
        "frames": (1, 24),
        "ok": True,
    }
    scene = SharedSceneBuffer.write(
        b"x", SceneDataKind.Screenshot, "Blender 5.0", name="shot", group="seq010", attrs=attrs
    )
    found = SharedSceneBuffer.open("shot")
    assert (found.kind, found.source_dcc, found.group) == (SceneDataKind.Screenshot, "Blender 5.0", "seq010")
    assert found.attrs == {
        "upAxis": "Z",
        "metersPerUnit": 0.5,
        "transform": np.eye(4).ravel().tolist(),
        "frames": [1, 24],
        "ok": True,
    }
    listed = store.describe(scene.descriptor_json())
    assert (listed["kind"], listed["group"], listed["name"]) == ("Screenshot", "seq010", "shot")
    assert SharedSceneBuffer.open(listed).id == scene.id, "a descriptor may be a dict"


def test_unlink_on_close_and_with(store: Store) -> None:
    with SharedSceneBuffer.write(b"scoped", unlink_on_close=True) as scoped:
        path = Path(scoped.path())
        assert path.exists()
    assert not path.exists()
    with pytest.raises(shm.ShmError, match="closed"):
        scoped.read()
    assert repr(scoped) == "SharedSceneBuffer(closed)"
    with SharedSceneBuffer.write(b"kept") as kept:
        identity = kept.id
    assert SharedSceneBuffer.open(identity).read() == b"kept"
    assert len(store.list()) == 1


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(TypeError, match="nmae"):
        SharedSceneBuffer.write(b"", nmae="hero")  # type: ignore[call-arg]
    with pytest.raises(shm.InvalidArgument, match="Geometri"):
        SharedSceneBuffer.write(b"", kind="Geometri")
    with pytest.raises(shm.InvalidArgument, match="replace"):
        SharedSceneBuffer.write(b"", replace=True)


def test_an_array_that_is_not_there_is_named_with_those_that_are() -> None:
    scene = SharedSceneBuffer.write_arrays({"position": np.zeros((1, 3), "f4")})
    assert "position" in scene
    assert "normal" not in scene
    with pytest.raises(shm.NoSuchArray, match="position") as error:
        scene["normal"]
    assert error.value.available == ["position"]


def test_errors_are_pickled_with_their_facts() -> None:
    scene = SharedSceneBuffer.write(b"x", name="taken")
    with pytest.raises(shm.NameTaken) as taken:
        SharedSceneBuffer.write(b"y", name="taken")
    again = pickle.loads(pickle.dumps(taken.value))
    assert isinstance(again, shm.NameTaken)
    assert (again.holder, str(again)) == (scene.id, str(taken.value))
