"""What the server says of the way into Blender is run there as it stands: meshes and pictures, in place and new."""

from typing import Any

import bpy
import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store, blender
from dcc_mcp_shm.mesh import Mesh, put
from support import session, text_of


@pytest.fixture(autouse=True)
def _empty_file() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def told(store: Store, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a call."""

    async def call(client: Any) -> Any:
        return await client.call_tool(tool, arguments)

    result = session(store, "auto", call)
    assert not result.is_error, text_of(result)
    return dict(result.structured_content)


def code_for(program: str, buffer: str, store: Store) -> str:
    return str(told(store, "read_descriptor", **{"buffer": buffer, "for": program})["code"])


def run(code: str) -> None:
    """As in a console that has nothing imported."""
    exec(compile(code, "read_descriptor", "exec"), {})  # noqa: S102 (that it runs is the test)


def test_a_mesh_comes_back_in_place(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    bpy.ops.mesh.primitive_monkey_add(location=(1, 2, 3))
    (scene,) = blender.share(bpy.context.object, "hero")
    code = code_for("blender", "hero", store)
    run(code)
    assert capsys.readouterr().out.splitlines()[-1] == "'Suzanne' updated in place: nothing differs"
    # What an agent makes of it, with the code that it has for Python.
    share = code.splitlines()[-1].removeprefix("# ")
    run("\n".join([code_for("python", "hero", store), "moved = arrays['position'] * 2", share]))
    run(code_for("blender", "hero-new", store))
    assert capsys.readouterr().out.splitlines()[-1] == "'Suzanne' updated in place: points"
    moved = np.asarray(scene["position"])[0] * 2
    np.testing.assert_array_equal(bpy.data.objects["Suzanne"].data.vertices[0].co, moved)
    assert len(bpy.data.objects) == 1


def test_the_same_line_brings_what_has_the_name_now(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    bpy.ops.mesh.primitive_cube_add()
    (scene,) = blender.share(bpy.context.object, "hero")
    code = code_for("blender", "hero", store)
    put("hero", {**{name: scene[name] for name in scene}, "position": np.asarray(scene["position"]) * 2}, like=scene)
    run(code)
    assert capsys.readouterr().out.splitlines()[-1] == "'Cube' updated in place: points"
    assert code_for("blender", "hero", store) == code


def test_what_trimesh_made_becomes_a_new_object(store: Store) -> None:
    bpy.ops.mesh.primitive_monkey_add(location=(1, 2, 3))
    (scene,) = blender.share(bpy.context.object, "hero")
    mesh = Mesh.of(scene)
    lines = code_for("trimesh", "hero", store).splitlines()
    run("\n".join([*lines[:-2], *(line.removeprefix("# ") for line in lines[-2:])]))
    assert sorted(obj.name for obj in bpy.data.objects) == ["Suzanne", "hero-new"]
    new = bpy.data.objects["hero-new"]
    assert len(new.data.polygons) == len(mesh.triangles()[0])
    assert new.location[:] == (1, 2, 3)


def test_a_picture_becomes_an_image(store: Store) -> None:
    pixels = np.zeros((90, 160, 3), "u1")
    pixels[0, 0] = 255
    SharedSceneBuffer.write_arrays({"pixels": pixels}, kind="Screenshot", name="frame")
    run(code_for("blender", "frame", store))
    (image,) = bpy.data.images
    assert (image.name, image.size[:]) == ("frame", (160, 90))
    assert image.pixels[89 * 160 * 4 : 89 * 160 * 4 + 5] == (1, 1, 1, 1, 0), "the first row is the top one"


def test_a_picture_that_was_changed_comes_back_into_its_image(store: Store) -> None:
    image = bpy.data.images.new("skin", 4, 2)
    blender.share_image(image)
    share = code_for("blender", "skin", store).splitlines()[-1].removeprefix("# ")
    run("\n".join([code_for("python", "skin", store), "made = arrays['pixels'] * 0 + 1", share]))
    run(code_for("blender", "skin-new", store))
    assert bpy.data.images[:] == [image]
    assert set(image.pixels) == {1.0}


def test_what_an_agent_creates_says_how_it_gets_into_blender(store: Store) -> None:
    corners = [0, 1, 2]
    layout = {
        "position": {"dtype": "f4", "shape": [3, 3], "domain": "point"},
        "corner_vert": {"dtype": "i4", "shape": [3], "domain": "corner"},
    }
    made = told(store, "create_buffer", arrays=layout, name="triangle", kind="Geometry")
    with SharedSceneBuffer.fill("triangle") as writer:
        np.asarray(writer["position"])[...] = np.eye(3)
        np.asarray(writer["corner_vert"])[...] = corners
    run(made["in_blender"])
    (obj,) = bpy.data.objects
    assert (obj.name, list(obj.data.polygons[0].vertices)) == ("triangle", corners)

    raw = {"base64": "////AAAA", "kind": "Screenshot", "attrs": {"width": 2, "height": 1, "channels": 3}, "name": "raw"}
    run(told(store, "create_buffer", **raw)["in_blender"])
    assert bpy.data.images["raw"].pixels[:] == (1, 1, 1, 1, 0, 0, 0, 1)
