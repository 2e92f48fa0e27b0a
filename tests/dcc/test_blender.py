"""Sharing from a real, headless Blender: what it writes, who gets to see it, and what it cannot do to others."""

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import bpy
import dcc_mcp_shm as shm
import numpy as np
import pytest
from conftest import RunPython
from dcc_mcp_shm import SharedSceneBuffer, Store, blender
from dcc_mcp_shm.blender.session import SOURCE
from numpy.typing import NDArray
from support import files_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

import blender_cache  # noqa: E402
import blender_frame  # noqa: E402

# What another process, without Blender, gets from a descriptor.
CHECKSUMS = """
import json, sys, zlib
from dcc_mcp_shm import SharedSceneBuffer
scene = SharedSceneBuffer.from_descriptor_json(sys.argv[1])
print(json.dumps({name: zlib.crc32(scene[name]) for name in scene}))
assert "bpy" not in sys.modules
"""


@pytest.fixture(autouse=True)
def _empty_file() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def grid() -> bpy.types.Object:
    """A grid that is subdivided by a modifier, moves in time, and stands somewhere."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=20, y_subdivisions=10, location=(1, 2, 3))
    obj = bpy.context.object
    obj.scale = (2, 2, 2)
    obj.modifiers.new("Wave", "WAVE").height = 0.4
    obj.modifiers.new("Subdivision", "SUBSURF").levels = 2
    obj.data.uv_layers.new(name="light é:map")
    for frame, z in ((1, 3), (10, 12)):
        obj.location.z = z
        obj.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_set(5)
    return obj


def copied(collection: Any, attribute: str, dtype: str, *shape: int) -> NDArray[Any]:
    """What Blender says into memory of NumPy's own."""
    array = np.empty(int(np.prod(shape)), dtype)
    collection.foreach_get(attribute, array)
    return array.reshape(shape)


def evaluated_mesh(obj: bpy.types.Object) -> bpy.types.Mesh:
    return obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()


def mesh_arrays(mesh: bpy.types.Mesh) -> dict[str, NDArray[Any]]:
    """The arrays of an export, by other ways than the exporter's where Blender has them."""
    corners = len(mesh.loops)
    sizes = copied(mesh.polygons, "loop_total", "i4", len(mesh.polygons))
    return {
        "position": copied(mesh.vertices, "co", "f4", len(mesh.vertices), 3),
        "corner_vert": copied(mesh.loops, "vertex_index", "i4", corners),
        "face_start": np.cumsum(sizes, dtype="i4") - sizes,
        "normal": copied(mesh.loops, "normal", "f4", corners, 3),
        **{f"uv:{layer.name}": copied(layer.data, "uv", "f4", corners, 2) for layer in mesh.uv_layers},
    }


def checksums(arrays: dict[str, NDArray[Any]]) -> dict[str, int]:
    return {name: zlib.crc32(array.tobytes()) for name, array in arrays.items()}


def test_the_exporter_publishes_what_blender_has(grid: bpy.types.Object, run_python: RunPython) -> None:
    scene = blender.share(grid, "set/grid", group="set")[0]
    expected = mesh_arrays(evaluated_mesh(grid))
    assert len(expected["position"]) == 81 * 41, "modifiers are applied"
    assert np.ptp(expected["position"][:, 2]) > 0.1, "the wave too"
    assert {"uv:UVMap", "uv:light é:map"} < set(expected)
    assert set(scene) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(np.asarray(scene[name]), array, err_msg=name)
    assert json.loads(run_python(CHECKSUMS, scene.descriptor_json())) == checksums(expected)


def test_faces_may_have_any_number_of_corners() -> None:
    mesh = bpy.data.meshes.new("mixed")
    vertices = [(0, 0, 0), (1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0), (3, 3, 0)]
    mesh.from_pydata(vertices, [], [(0, 1, 4), (1, 2, 3, 4), (1, 2, 5, 3, 4)])
    obj = bpy.data.objects.new("mixed", mesh)
    bpy.context.collection.objects.link(obj)
    scene = blender.share(obj, "mixed")[0]
    assert np.asarray(scene["face_start"]).tolist() == [0, 3, 7]
    assert np.asarray(scene["corner_vert"]).tolist() == [0, 1, 4, 1, 2, 3, 4, 1, 2, 5, 3, 4]
    assert set(scene) == {"position", "corner_vert", "face_start", "normal"}, "no UVs, no array of them"


def test_a_mesh_says_what_its_numbers_mean(grid: bpy.types.Object) -> None:
    bpy.context.scene.unit_settings.scale_length = 0.25
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.25
    grid.rotation_euler = (0.3, 0.2, 0.1)
    scene = blender.share(grid, "set/grid", group="set")[0]
    assert (scene.name, scene.group, scene.source_dcc) == ("set/grid", "set", f"Blender {bpy.app.version_string}")
    attrs = scene.attrs
    assert (attrs["upAxis"], attrs["metersPerUnit"], attrs["timeCodesPerSecond"]) == ("Z", 0.25, 24)
    # As USD does it: row vectors.
    transform = np.reshape(attrs["transform"], (4, 4))
    world = np.array([0.5, -0.5, 0, 1]) @ transform
    np.testing.assert_allclose(world[:3], grid.matrix_world @ type(grid.location)((0.5, -0.5, 0)), rtol=1e-6)
    assert attrs["transform"][12:15] == pytest.approx(list(grid.matrix_world.translation))
    domains = {name: array["domain"] for name, array in json.loads(scene.descriptor_json())["arrays"].items()}
    assert domains == {
        "position": "point",
        "corner_vert": "corner",
        "face_start": "face",
        "normal": "corner",
        "uv:UVMap": "corner",
        "uv:light é:map": "corner",
    }


def test_a_name_is_taken_over_by_the_next_export(grid: bpy.types.Object, store: Store) -> None:
    first = blender.share(grid, "set/grid")[0]
    before = np.array(first["position"])
    grid.modifiers["Wave"].height = 1
    second = blender.share(grid, "set/grid")[0]
    assert [buffer["id"] for buffer in store.list()] == [second.id]
    np.testing.assert_array_equal(np.asarray(first["position"]), before)
    assert not np.array_equal(np.asarray(second["position"]), before)


def test_an_object_without_faces_is_refused(store: Store) -> None:
    mesh = bpy.data.meshes.new("wire")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0)], [(0, 1)], [])
    wire = bpy.data.objects.new("wire", mesh)
    with pytest.raises(ValueError, match="'wire' is not in this view layer"):
        blender.share(wire, "wire")
    bpy.context.collection.objects.link(wire)
    for modifiers in (True, False):
        with pytest.raises(ValueError, match="'wire' has no faces"):
            blender.share(wire, "wire", modifiers=modifiers)
    assert files_of(store) == []


def fill(mesh: bpy.types.Mesh, name: str, target: Any) -> None:
    """One of the exporter's `foreach_get`."""
    collection, attribute = {
        "position": (mesh.attributes["position"].data, "vector"),
        "corner_vert": (mesh.attributes[".corner_vert"].data, "value"),
        "face_start": (mesh.polygons, "loop_start"),
        "normal": (mesh.corner_normals, "vector"),
        "uv:UVMap": (mesh.uv_layers["UVMap"].uv, "vector"),
    }[name]
    collection.foreach_get(attribute, target)


@pytest.mark.parametrize("name", ["position", "corner_vert", "normal", "uv:UVMap"])
def test_blender_fills_a_view_as_one_block(name: str, grid: bpy.types.Object, run_python: RunPython) -> None:
    """A sealed view tells which way Blender takes: one by one is refused; the whole block it writes regardless.

    Blender 5.2 and newer refuse that as well.
    """
    mesh = evaluated_mesh(grid)
    expected = mesh_arrays(mesh)[name]
    scene = SharedSceneBuffer.write_arrays({name: np.zeros_like(expected)})
    view = scene[name]
    with pytest.raises(BufferError):
        view[0] = 1
    if bpy.app.version >= (5, 2, 0):
        with pytest.raises(TypeError, match="sequence"):
            fill(mesh, name, view)
        assert not np.asarray(view).any()
    else:
        fill(mesh, name, view)
        np.testing.assert_array_equal(np.asarray(view), expected, err_msg="one block, in this process's own pages")
    found = json.loads(run_python(CHECKSUMS, scene.descriptor_json()))
    assert found == checksums({name: np.zeros_like(expected)}), "the shared data is what it was"


def test_blender_fills_starts_of_faces_one_by_one(grid: bpy.types.Object) -> None:
    """Which is why a view has `__setitem__`; a sealed one says no to the first of them."""
    mesh = evaluated_mesh(grid)
    scene = SharedSceneBuffer.write_arrays({"face_start": np.zeros(len(mesh.polygons), "i4")})
    with pytest.raises(TypeError, match="sequence"):
        fill(mesh, "face_start", scene["face_start"])
    assert not np.asarray(scene["face_start"]).any()


def test_a_view_kept_after_the_block_reaches_nobody(grid: bpy.types.Object, run_python: RunPython) -> None:
    mesh = evaluated_mesh(grid)
    points = len(mesh.vertices)
    with SharedSceneBuffer.writer({"position": ("f4", (points, 3))}) as w:
        view, array = w["position"], np.asarray(w["position"])
        array[:] = 7
    if bpy.app.version >= (5, 2, 0):
        with pytest.raises(TypeError, match="sequence"):
            fill(mesh, "position", view)
    else:
        fill(mesh, "position", view)
    fill(mesh, "position", array.reshape(-1))
    found = json.loads(run_python(CHECKSUMS, w.scene.descriptor_json()))
    assert found == checksums({"position": np.full((points, 3), 7, "f4")})
    assert (np.asarray(w.scene["position"]) == 7).all()


@pytest.mark.parametrize("shape", [(10,), (3, 7), (12_345, 3)])
def test_a_view_of_another_size_is_refused_and_left_alone(shape: tuple[int, ...], grid: bpy.types.Object) -> None:
    mesh = evaluated_mesh(grid)
    with SharedSceneBuffer.writer({"position": ("f4", shape)}) as w:
        np.asarray(w["position"])[:] = 7
        with pytest.raises(RuntimeError):
            fill(mesh, "position", w["position"])
    assert (np.asarray(w.scene["position"]) == 7).all()


def test_an_exception_in_the_block_publishes_nothing(grid: bpy.types.Object, store: Store) -> None:
    mesh = evaluated_mesh(grid)
    with (
        pytest.raises(KeyError),
        SharedSceneBuffer.writer(
            {"position": ("f4", (len(mesh.vertices), 3)), "missing": ("f4", 1)}, name="broken"
        ) as w,
    ):
        fill(mesh, "position", w["position"])
        mesh.attributes["missing"].data.foreach_get("value", w["missing"])
    assert store.list() == []
    assert files_of(store) == []
    with pytest.raises(shm.NotFound):
        SharedSceneBuffer.open("broken")


def test_a_cache_is_what_every_frame_evaluates_to(grid: bpy.types.Object, run_python: RunPython) -> None:
    scene = bpy.context.scene
    cache = blender_cache.export_cache(grid, range(2, 9, 2), "set/cache", group="set")
    assert scene.frame_current == 5, "the scene is back where it was"
    positions, transforms = np.asarray(cache["position"]), np.asarray(cache["transform"])
    assert positions.shape == (4, 81 * 41, 3)
    for row, frame in enumerate(range(2, 9, 2)):
        scene.frame_set(frame)
        mesh = evaluated_mesh(grid)
        np.testing.assert_array_equal(positions[row], copied(mesh.vertices, "co", "f4", len(mesh.vertices), 3))
        np.testing.assert_array_equal(transforms[row].T, np.array(grid.matrix_world, "f4"))
    assert not np.array_equal(positions[0], positions[1]), "it moves"
    assert not np.array_equal(transforms[0], transforms[1])
    assert (cache.kind, cache.group) == (shm.SceneDataKind.AnimationCache, "set")
    assert cache.attrs == {
        "upAxis": "Z",
        "metersPerUnit": 1.0,
        "timeCodesPerSecond": 24.0,
        "startTimeCode": 2,
        "endTimeCode": 8,
        "timeCodeStep": 2,
    }
    expected = checksums({"position": positions, "transform": transforms})
    assert json.loads(run_python(CHECKSUMS, cache.descriptor_json())) == expected


def test_a_cache_whose_points_come_and_go_publishes_nothing(grid: bpy.types.Object, store: Store) -> None:
    modifier = grid.modifiers["Subdivision"]
    for frame, shown in ((1, True), (6, False)):
        modifier.show_viewport = shown
        modifier.keyframe_insert("show_viewport", frame=frame)
    bpy.context.scene.frame_set(5)
    with pytest.raises(ValueError, match="points at frame 6"):
        blender_cache.export_cache(grid, range(1, 9), "set/cache")
    assert files_of(store) == []
    assert bpy.context.scene.frame_current == 5


@pytest.fixture
def view_of_a_grid(grid: bpy.types.Object) -> bpy.types.Scene:
    """A scene that renders in no time, and not black."""
    bpy.ops.object.light_add(type="SUN")
    bpy.ops.object.camera_add(location=(1, 2, 20))
    scene = bpy.context.scene
    scene.camera = bpy.context.object
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    assert grid.name in scene.objects
    return scene


def test_a_frame_is_what_blender_renders(
    view_of_a_grid: bpy.types.Scene, tmp_path: Path, run_python: RunPython
) -> None:
    render = view_of_a_grid.render
    render.filepath = "//user/shot_"
    render.image_settings.file_format = "PNG"
    frame = blender_frame.export_frame("set/frame", group="set")
    settings = (render.filepath, render.image_settings.file_format, render.image_settings.color_depth)
    assert settings == ("//user/shot_", "PNG", "8"), "the settings are the user's again"
    assert not bpy.data.images.get("frame.exr")

    render.filepath = str(tmp_path / "again.exr")
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_mode, render.image_settings.color_depth = "RGBA", "32"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(render.filepath)
    expected = np.array(image.pixels[:], "f4").reshape(36, 64, 4)
    np.testing.assert_array_equal(np.asarray(frame["pixels"]), expected)
    assert expected[..., :3].std() > 0.01, "there is something to see"
    assert frame.attrs == {
        "width": 64,
        "height": 36,
        "colorSpace": "Linear Rec.709",
        "firstRow": "bottom",
        "premultipliedAlpha": True,
        "frame": 5,
    }
    assert json.loads(run_python(CHECKSUMS, frame.descriptor_json())) == checksums({"pixels": expected})


def test_numpy_alone_maps_an_export(grid: bpy.types.Object, run_python: RunPython) -> None:
    scene = blender.share(grid, "set/grid")[0]
    code = """
import runpy, sys
sys.modules["dcc_mcp_shm"] = None  # an import of it would fail
example, descriptor, name = sys.argv[1:]
array = runpy.run_path(example)["map_array"](__import__("json").loads(descriptor), name)
print(array.dtype.str, array.shape, __import__("zlib").crc32(array))
"""
    for name, array in mesh_arrays(evaluated_mesh(grid)).items():
        found = run_python(code, str(EXAMPLES / "numpy_only.py"), scene.descriptor_json(), name)
        assert found == f"{array.dtype.str} {array.shape} {zlib.crc32(array.tobytes())}"


def test_the_code_of_the_readme_runs(grid: bpy.types.Object, run_python: RunPython) -> None:
    readme = (EXAMPLES.parent / "README.md").read_text()
    share, read = (block.split("```")[0] for block in readme.split("```python\n")[1:])
    exec(compile(share, "README.md", "exec"), {})  # noqa: S102 (the repository's own)
    found = run_python(read + "print(positions.shape, positions.flags.writeable, float(positions.sum()))")
    points = mesh_arrays(evaluated_mesh(grid))["position"]
    assert found == f"{points.shape} False {float(points.sum())}"


@pytest.mark.parametrize(
    ("script", "array"),
    [("blender_cache.py", "position"), ("blender_frame.py", "pixels")],
)
def test_an_example_runs_as_a_script(script: str, array: str) -> None:
    """Each prints the descriptor of what it published, and what it published is still there."""
    command = [sys.executable, str(EXAMPLES / script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    descriptor = done.stdout.splitlines()[-1]
    scene = SharedSceneBuffer.from_descriptor_json(descriptor)
    assert np.asarray(scene[array]).any()
    assert scene.source_dcc == SOURCE
