"""Meshes as arrays: what is whole is taken as it is, and nothing else gets past the check."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.mesh import Mesh, MeshError, put
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def arrays() -> Arrays:
    """A triangle, a quad and a pentagon that share points."""
    return {
        "position": np.array([(0, 0, 0), (1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0), (3, 3, 0)], "f4"),
        "corner_vert": np.array([0, 1, 4, 1, 2, 3, 4, 1, 2, 5, 3, 4], "i4"),
        "face_start": np.array([0, 3, 7], "i4"),
    }


def faces_of(mesh: Mesh) -> list[list[int]]:
    ends = [*mesh.face_start[1:], len(mesh.corner_vert)]
    return [mesh.corner_vert[a:b].tolist() for a, b in zip(mesh.face_start, ends, strict=True)]


def test_a_mesh_is_what_its_arrays_say_without_a_copy(arrays: Arrays) -> None:
    scene = SharedSceneBuffer.write_arrays(arrays)
    mesh = Mesh.of(scene)
    assert faces_of(mesh) == [[0, 1, 4], [1, 2, 3, 4], [1, 2, 5, 3, 4]]
    assert mesh.face_size.tolist() == [3, 4, 5]
    assert np.shares_memory(mesh.position, np.asarray(scene["position"]))
    assert np.shares_memory(mesh.corner_vert, np.asarray(scene["corner_vert"]))


def test_faces_may_be_said_in_four_ways(arrays: Arrays) -> None:
    by_size = {**arrays, "face_size": np.array([3, 4, 5], "u1")}
    del by_size["face_start"]
    assert Mesh.from_arrays(by_size).face_start.tolist() == [0, 3, 7]
    triangles = {"position": arrays["position"], "corner_vert": np.arange(6)}
    assert faces_of(Mesh.from_arrays(triangles)) == [[0, 1, 2], [3, 4, 5]]
    quads = {"position": arrays["position"], "corner_vert": np.array([[0, 1, 2, 3], [1, 2, 3, 4]])}
    assert faces_of(Mesh.from_arrays(quads)) == [[0, 1, 2, 3], [1, 2, 3, 4]]


@pytest.mark.parametrize("compressed", [False, True])
def test_other_types_and_compression_give_the_same_mesh(arrays: Arrays, compressed: bool) -> None:
    other = {
        "position": arrays["position"].astype("f8"),
        "corner_vert": arrays["corner_vert"].astype("u2"),
        "face_start": arrays["face_start"].astype("i8"),
    }
    mesh = Mesh.of(SharedSceneBuffer.write_arrays(other, use_compression=compressed))
    for name, array in mesh.arrays().items():
        assert array.dtype == arrays[name].dtype
        np.testing.assert_array_equal(array, arrays[name])


def with_element(name: str, at: int, value: float) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][at] = value

    return change


def with_array(name: str, array: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = np.asarray(array)

    return change


DAMAGE: list[tuple[Callable[[Arrays], Any], str]] = [
    (lambda arrays: arrays.pop("position"), "needs an array 'position'"),
    (lambda arrays: arrays.pop("corner_vert"), "needs an array 'corner_vert'"),
    (with_element("position", 2, np.nan), "NaN or infinite"),
    (with_element("position", 2, -np.inf), "NaN or infinite"),
    (with_element("corner_vert", 5, 6), "has 6 at 5, and there are 6 points"),
    (with_element("corner_vert", 5, -1), "has -1 at 5"),
    (with_element("corner_vert", 1, 0), "face 0 has the same point twice"),
    (with_element("corner_vert", 5, 1), "face 1 has the same point twice"),
    (with_element("corner_vert", 11, 1), "face 2 has the same point twice"),
    (with_element("face_start", 0, 1), "begins with corner 1"),
    (with_element("face_start", 1, 8), "face 1 has -1 corners"),
    (with_element("face_start", 1, 2), "face 0 has 2 corners"),
    (with_element("face_start", 2, 12), "face 2 has 0 corners"),
    (with_element("face_start", 2, -(2**31)), "face 1 has"),
    (with_array("face_start", [[0, 3, 7]]), "shape"),
    (with_array("face_start", np.zeros(0, "i4")), "no faces that have them"),
    (with_array("face_start", [0.0, 3.0, 7.0]), "not whole numbers"),
    (with_array("corner_vert", np.array([2**32], "u8")), "not between 0 and"),
    (with_array("position", np.zeros((6, 2), "f4")), "shape"),
    (with_array("position", np.zeros((2, 6, 3), "f4")), "shape"),
    (with_array("position", np.zeros((6, 3), "c8")), "not numbers"),
    (with_array("normal", np.zeros((5, 3), "f4")), "shape"),
    (with_array("uv:a", np.zeros((6, 2), "f4")), "'uv:a' has the shape"),
    (with_array("color", np.zeros((7, 4), "f4")), "shape"),
    (with_array("material", np.array([0, -1, 0], "i4")), "negative"),
    (with_array("material", [0, 0]), "shape"),
    (with_array("edge_verts", [[0, 6]]), "has 6 at 1"),
    (with_array("edge_verts", [0, 1]), "shape"),
]


@pytest.mark.parametrize(("damage", "problem"), DAMAGE, ids=[problem for _, problem in DAMAGE])
def test_what_is_not_whole_is_refused(arrays: Arrays, damage: Callable[[Arrays], Any], problem: str) -> None:
    damage(arrays)
    scene = SharedSceneBuffer.write_arrays(arrays)
    with pytest.raises(MeshError, match=problem):
        Mesh.of(scene)
    with pytest.raises(MeshError, match=problem):
        put("bad", arrays)


def test_face_sizes_that_do_not_add_up_are_refused(arrays: Arrays) -> None:
    del arrays["face_start"]
    for size, problem in (([3, 4], "adds up to 7"), ([3, 4, 6], "adds up to 13"), ([2, 5, 5], "face 0 has 2 corners")):
        with pytest.raises(MeshError, match=problem):
            Mesh.from_arrays(arrays | {"face_size": np.array(size, "i4")})
    with pytest.raises(MeshError, match="11 corners are no faces of 3"):
        Mesh.from_arrays(arrays | {"corner_vert": arrays["corner_vert"][:-1]})


def test_triangles_are_fans_and_know_their_faces(arrays: Arrays) -> None:
    triangles, face = Mesh.from_arrays(arrays).triangles()
    assert face.tolist() == [0, 1, 1, 2, 2, 2]
    assert triangles.tolist() == [[0, 1, 4], [1, 2, 3], [1, 3, 4], [1, 2, 5], [1, 5, 3], [1, 3, 4]]
    nothing, of_none = Mesh.from_arrays({"position": np.zeros((2, 3)), "corner_vert": np.zeros(0, int)}).triangles()
    assert (nothing.shape, of_none.shape) == ((0, 3), (0,))


def test_trimesh_gets_the_same_points_and_gives_back_what_it_made(arrays: Arrays) -> None:
    mesh = Mesh.from_arrays(arrays)
    made = mesh.to_trimesh()
    np.testing.assert_array_equal(made.vertices, mesh.position)
    assert made.faces.tolist() == mesh.triangles()[0].tolist()
    assert made.face_attributes["face"].tolist() == [0, 1, 1, 2, 2, 2]
    scene = put("made", made)
    assert Mesh.of(scene).corner_vert.tolist() == made.faces.reshape(-1).tolist()


def test_what_was_made_of_a_scene_says_where_it_belongs(arrays: Arrays) -> None:
    attrs = {"upAxis": "Z", "object": "Hero", "objectId": "x:1", "transform": [0.5] * 16}
    of = SharedSceneBuffer.write_arrays(arrays, attrs=attrs, source_dcc="Blender 5.0.1", group="shot")
    halved = {**arrays, "position": arrays["position"] / 2, "mask": np.ones(3, "u1")}
    made = put("made", halved, like=of)
    assert (made.name, made.source_dcc, made.group, made.attrs) == ("made", "", "shot", attrs)
    np.testing.assert_array_equal(np.asarray(made["position"]), halved["position"])
    assert np.asarray(made["mask"]).all()
    again = put("made", SimpleNamespace(vertices=arrays["position"].astype("f8"), faces=np.array([[0, 1, 4]])))
    assert Mesh.of(SharedSceneBuffer.open("made")).face_size.tolist() == [3]
    assert again.attrs == {}


def test_domains_and_names_of_materials_go_with_what_was_made() -> None:
    triangle = {
        "position": np.eye(3, dtype="f4"),
        "corner_vert": np.array([2, 0, 1], "i4"),
        "color": np.zeros((3, 4), "f4"),
        "material": np.zeros(1, "i4"),
        "material_name": np.frombuffer(b"skin", "u1"),
        "material_name:start": np.array([0, 4]),
    }
    of = SharedSceneBuffer.write_arrays(triangle, domains={"color": "corner"})
    mesh = Mesh.of(of)
    assert mesh.color_domain == {"": "corner"}
    halved = {"position": mesh.position / 2, "corner_vert": mesh.corner_vert, "color": mesh.color[""]}
    for number, made in enumerate((mesh, triangle, halved)):
        scene = put(f"made {number}", made, like=of)
        assert Mesh.of(scene).color_domain == {"": "corner"}
    assert bytes(put("again", mesh, like=of)["material_name"]) == b"skin"
    strided = put("strided", {**triangle, "extra": np.arange(10)[::2]})
    assert np.asarray(strided["extra"]).tolist() == [0, 2, 4, 6, 8]


def test_what_is_made_of_a_mesh_is_shared_where_that_is(arrays: Arrays, tmp_path: Path, store: Store) -> None:
    elsewhere = Store(tmp_path / "elsewhere")
    scene = SharedSceneBuffer.write_arrays(arrays, store=elsewhere)
    put("made", arrays, like=scene)
    assert SharedSceneBuffer.open("made", store=elsewhere).attrs == scene.attrs
    put("made", arrays, like=scene, store=store)
    assert SharedSceneBuffer.open("made").path().startswith(store.path)


def test_what_is_no_mesh_is_said_to_be_none() -> None:
    with pytest.raises(TypeError, match="a list is no mesh: pass a Mesh, arrays by name"):
        put("made", [1, 2])


def test_outside_blender_the_module_for_it_says_where_it_runs() -> None:
    with pytest.raises(ModuleNotFoundError, match="runs inside Blender"):
        importlib.import_module("dcc_mcp_shm.blender")


def test_a_mesh_that_is_not_whole_can_be_repaired(arrays: Arrays) -> None:
    arrays["position"] = np.vstack([arrays["position"], np.full((3, 3), np.nan, "f4")])
    arrays["position"][0, 1] = np.inf
    scene = SharedSceneBuffer.write_arrays(arrays)
    with pytest.raises(
        MeshError, match=r"points 0, 6, 7, 8; faces use 1 of them\. To repair it, .*from_arrays"
    ) as refused:
        Mesh.of(scene)
    code = str(refused.value).partition("unchecked by ")[2].partition(", and share")[0]
    mesh: Mesh = eval(code, {"Mesh": Mesh, "np": np, "scene": scene})  # noqa: S307 (that it runs is the test)
    assert np.isnan(mesh.position[-1]).all()
    repaired = put("repaired", {**mesh.arrays(), "position": np.nan_to_num(mesh.position, posinf=0)})
    assert np.isfinite(Mesh.of(repaired).position).all()


def test_arrays_of_other_names_keep_their_domain(store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays(
        {"position": np.eye(3, dtype="f4"), "corner_vert": np.arange(3, dtype="i4"), "ids": np.arange(3, dtype="i4")},
        domains={"ids": "point"},
        store=store,
    )
    arrays = {name: np.asarray(scene[name]) for name in scene}
    assert json.loads(put("same", arrays, like=scene).descriptor_json())["arrays"]["ids"]["domain"] == "point"
    longer = arrays | {"ids": np.arange(7, dtype="i4")}
    assert "domain" not in json.loads(put("other", longer, like=scene).descriptor_json())["arrays"]["ids"]
