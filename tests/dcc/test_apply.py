"""Meshes back into a real, headless Blender: in place or new, exact, and never what would end it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import dcc_mcp_shm as shm
import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store, blender
from dcc_mcp_shm.mesh import Mesh, MeshError, put
from numpy.typing import NDArray


@pytest.fixture(autouse=True)
def _empty_file() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def hero() -> bpy.types.Object:
    """A monkey that stands somewhere, with all that has to stay."""
    bpy.ops.mesh.primitive_monkey_add(location=(1, 2, 3), rotation=(0.1, 0.2, 0.3))
    obj = bpy.context.object
    for name in ("skin", "eyes"):
        obj.data.materials.append(bpy.data.materials.new(name))
    obj.data.attributes.new("material_index", "INT", "FACE").data[7].value = 1
    obj.data.color_attributes.new("Points", "FLOAT_COLOR", "POINT")
    obj.data.color_attributes.new("Corners", "FLOAT_COLOR", "CORNER")
    obj.data.uv_layers.new(name="second")
    obj.vertex_groups.new(name="bones").add([0, 1], 0.5, "ADD")
    return obj


def arrays_of(scene: SharedSceneBuffer) -> dict[str, NDArray[Any]]:
    return {name: np.array(scene[name]) for name in scene}


def points_of(obj: bpy.types.Object) -> NDArray[Any]:
    points = np.empty((len(obj.data.vertices), 3), "f4")
    obj.data.vertices.foreach_get("co", points.reshape(-1))
    return points


def contents_of(mesh: bpy.types.Mesh) -> dict[str, list[Any]]:
    """All numbers of a mesh that is not edited."""
    contents: dict[str, list[Any]] = {"faces": [face.loop_start for face in mesh.polygons]}
    for attribute in mesh.attributes:
        kind = {"FLOAT_VECTOR": "vector", "FLOAT2": "vector", "FLOAT_COLOR": "color", "BYTE_COLOR": "color"}
        values = (getattr(item, kind.get(attribute.data_type, "value")) for item in attribute.data)
        contents[attribute.name] = [np.array(value).tolist() for value in values]
    return contents


def state() -> dict[str, Any]:
    """What a refused call must leave as it was."""
    meshes = [obj for obj in bpy.data.objects if obj.type == "MESH"]
    return {
        "objects": {obj.name: ([slot.name for slot in obj.material_slots], obj.data.name) for obj in meshes},
        "meshes": {obj.name: contents_of(obj.data) for obj in meshes},
        "names": sorted(bpy.data.meshes.keys()),
        "materials": sorted(bpy.data.materials.keys()),
    }


def test_the_page_about_blender_runs(hero: bpy.types.Object) -> None:
    page = (Path(__file__).parents[2] / "docs/blender.md").read_text()
    (code,) = (block.split("```")[0] for block in page.split("```python\n")[1:])
    exec(compile(code, "docs/blender.md", "exec"), {"bpy": bpy})  # noqa: S102 (the repository's own)
    assert SharedSceneBuffer.open("hero").attrs["object"] == hero.name


def test_what_was_shared_comes_back_and_nothing_differs(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    before = state()
    applied = blender.apply("hero")
    assert (applied.object, applied.in_place, applied.has_changed, applied.said) == (hero, True, False, ())
    assert str(applied) == "'Suzanne' updated in place: nothing differs"
    assert state() == before
    (again,) = blender.share(hero, "again")
    assert {name: array.tobytes() for name, array in arrays_of(again).items()} == {
        name: array.tobytes() for name, array in arrays_of(scene).items()
    }


def test_what_an_agent_changed_is_set_in_place_to_the_last_bit(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    rng = np.random.default_rng(1)
    changed = {name: rng.random(arrays[name].shape, "f4") for name in ("position", "uv:second", "color:Points")}
    changed["material"] = 1 - arrays["material"]
    put("made", arrays | changed, like=scene)
    hero.name = "renamed"
    applied = blender.apply("made")
    assert applied.object == hero
    assert applied.said == ("points", "UV set 'second'", "colour 'Points'", "materials of faces")
    assert hero.vertex_groups["bones"].weight(0) == 0.5
    assert [slot.material.name for slot in hero.material_slots] == ["skin", "eyes"]
    (again,) = blender.share(hero, "again")
    for name, array in (arrays | changed).items():
        if name != "normal":
            np.testing.assert_array_equal(np.asarray(again[name]), array, err_msg=name)


def test_it_is_one_step_of_undo(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    before = state()
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}, like=scene)
    bpy.ops.ed.undo_push(message="before")
    for new in (False, True):
        blender.apply("made", new=new)
        after = state()
        bpy.ops.ed.undo()
        assert state() == before
        bpy.ops.ed.redo()
        assert state() == after
        bpy.ops.ed.undo()


def test_an_operator_can_make_the_step_of_undo_itself(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    before = points_of(hero)
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}, like=scene)
    bpy.ops.ed.undo_push(message="before")
    assert blender.apply("made", undo=False).has_changed
    bpy.ops.ed.undo_push(message="what Blender does when an operator has finished")
    bpy.ops.ed.undo()
    np.testing.assert_array_equal(points_of(bpy.data.objects["Suzanne"]), before)


def test_it_is_said_when_undo_is_off(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}, like=scene)
    bpy.context.preferences.edit.use_global_undo = False
    assert blender.apply("made").said == ("points", "undo does not take it back, as Blender's is off")
    assert blender.apply("made").said == ()
    assert blender.apply("made", new=True).said == ("undo does not take it back, as Blender's is off",)


def test_other_faces_that_would_take_weights_away_become_a_new_object_beside_the_old_one(
    hero: bpy.types.Object,
) -> None:
    (scene,) = blender.share(hero, "shot/hero")
    mesh = Mesh.of(scene)
    triangles, _ = mesh.triangles()
    put("shot/hero", {"position": mesh.position, "corner_vert": triangles}, like=scene)
    before = points_of(hero)
    applied = blender.apply("shot/hero")
    made = applied.object
    assert made != hero
    assert not applied.in_place
    assert "'Suzanne' would lose vertex groups, as the mesh has other faces and brings none" in str(applied)
    np.testing.assert_array_equal(points_of(hero), before)
    np.testing.assert_array_equal(points_of(made), mesh.position)
    corners = np.empty(len(made.data.loops), "i4")
    made.data.loops.foreach_get("vertex_index", corners)
    np.testing.assert_array_equal(corners.reshape(-1, 3), triangles)
    assert made.name == "hero"
    assert made.users_collection == hero.users_collection
    assert made.data.materials[:] == hero.data.materials[:]
    np.testing.assert_allclose(np.array(made.matrix_world), np.array(hero.matrix_world), atol=1e-6)
    assert not made.data.validate(), "nothing to repair"
    # What was made is found by its own sharing from then on.
    (made_again,) = blender.share(made, "made")
    assert blender.apply(made_again).object == made


def without_some_faces(scene: SharedSceneBuffer) -> dict[str, NDArray[Any]]:
    """The arrays of a mesh of which every third face is gone."""
    arrays = arrays_of(scene)
    mesh = Mesh.of(scene)
    size = np.diff([*mesh.face_start.tolist(), len(mesh.corner_vert)])
    kept = np.arange(len(size)) % 3 > 0
    corners = np.repeat(kept, size)
    left = {name: array[corners] for name, array in arrays.items() if len(array) == len(corners)}
    left["material"] = arrays["material"][kept]
    left["face_start"] = np.cumsum([0, *size[kept][:-1].tolist()]).astype("i4")
    return arrays | left


def test_other_faces_go_into_the_object_if_nothing_is_lost(hero: bpy.types.Object) -> None:
    hero.vertex_groups.clear()
    hero.modifiers.new("Bevel", "BEVEL").show_viewport = False
    (scene,) = blender.share(hero, "hero")
    arrays = without_some_faces(scene)
    put("hero", arrays, like=scene)
    before, old = np.array(hero.matrix_world), hero.data
    applied = blender.apply("hero")
    assert (applied.object, applied.in_place) == (hero, True)
    assert str(applied) == "'Suzanne' updated in place: 333 faces instead of 500"
    np.testing.assert_array_equal(np.array(hero.matrix_world), before)
    assert [modifier.name for modifier in hero.modifiers] == ["Bevel"]
    assert [slot.material.name for slot in hero.material_slots] == ["skin", "eyes"]
    assert not hero.data.validate(), "nothing to repair"
    assert len(old.polygons) == 500, "what no undo brings back stays"
    (again,) = blender.share(hero, "again")
    for name, array in arrays.items():
        if name != "normal":
            np.testing.assert_array_equal(np.asarray(again[name]), array, err_msg=name)
    assert blender.apply("again").said == ()


def test_faces_go_into_a_mesh_that_has_none() -> None:
    triangle = {"position": np.eye(3, dtype="f4"), "corner_vert": np.array([[0, 1, 2]], "i4")}
    SharedSceneBuffer.write_arrays(triangle, name="triangle")
    wire = [(0, 0, 0), (1, 0, 0)]
    for points, edges in (([], []), (wire, []), (wire, [(0, 1)])):
        mesh = bpy.data.meshes.new("bare")
        mesh.from_pydata(points, edges, [])
        obj = bpy.data.objects.new("bare", mesh)
        bpy.context.collection.objects.link(obj)
        if edges:
            with pytest.raises(ValueError, match=r"'bare\.002' would lose loose edges"):
                blender.apply("triangle", obj)
        else:
            assert blender.apply("triangle", obj).in_place
            np.testing.assert_array_equal(points_of(obj), triangle["position"])


@pytest.mark.parametrize("smooth", [True, False])
def test_the_same_corners_in_faces_of_other_sizes_are_other_faces_shaded_as_before(smooth: bool) -> None:
    mesh = bpy.data.meshes.new("two")
    mesh.from_pydata([(x, y, 0) for x in range(4) for y in range(2)], [], [(0, 2, 1), (2, 4, 5, 3)])
    for face in mesh.polygons:
        face.use_smooth = smooth
    obj = bpy.data.objects.new("two", mesh)
    bpy.context.collection.objects.link(obj)
    (scene,) = blender.share(obj)
    arrays = arrays_of(scene)
    arrays["face_start"] = np.array([0, 4], "i4")
    arrays["corner_vert"] = np.array([0, 2, 1, 3, 4, 5, 6], "i4")
    put("two", arrays, like=scene)
    blender.apply("two")
    arrays["face_start"] = np.array([0, 3], "i4")
    put("two", arrays, like=scene)
    assert str(blender.apply("two")) == "'two' updated in place: 2 other faces"
    assert [len(face.vertices) for face in obj.data.polygons] == [3, 4]
    assert [face.use_smooth for face in obj.data.polygons] == [smooth, smooth]


@pytest.mark.parametrize(
    ("lacking", "lost"),
    [
        (["uv:second"], "the UV set 'second'"),
        (["color:Points"], "the colours 'Points'"),
        (["material", "material_name", "material_name:start"], "materials of faces"),
    ],
)
def test_other_faces_that_lack_something_become_a_new_object(
    lacking: list[str], lost: str, hero: bpy.types.Object
) -> None:
    hero.vertex_groups.clear()
    (scene,) = blender.share(hero, "hero")
    put("made", {name: a for name, a in without_some_faces(scene).items() if name not in lacking}, like=scene)
    before = state()
    with pytest.raises(ValueError, match=f"'Suzanne' would lose {lost}"):
        blender.apply("made", hero)
    assert state() == before
    applied = blender.apply("made")
    assert applied.object != hero
    assert lost in str(applied)


def with_freestyle(obj: bpy.types.Object) -> None:
    if bpy.app.version < (5, 0, 0):
        obj.data.edges[3].use_freestyle_mark = True
    else:
        obj.data.attributes.new("freestyle_edge", "BOOLEAN", "EDGE").data[3].value = True


def with_a_pin(obj: bpy.types.Object) -> None:
    obj.data.attributes.new(".pn.UVMap", "BOOLEAN", "CORNER").data[3].value = True


def with_a_loose_edge(obj: bpy.types.Object) -> None:
    obj.data.edges.add(1)
    obj.data.edges[-1].vertices = (0, 300)


OF_THE_ARTIST: dict[str, Callable[[bpy.types.Object], Any]] = {
    r"the attribute '\.?uv_seam'": lambda obj: setattr(obj.data.edges[3], "use_seam", True),
    r"the attribute '\.pn\.UVMap'": with_a_pin,
    "the attribute 'sharp_edge'": lambda obj: setattr(obj.data.edges[3], "use_edge_sharp", True),
    "the attribute 'crease_edge'": lambda obj: obj.data.attributes.new("crease_edge", "FLOAT", "EDGE"),
    "the attribute '.sculpt_face_set'": lambda obj: obj.data.attributes.new(".sculpt_face_set", "INT", "FACE"),
    "the attribute 'wind'": lambda obj: obj.data.attributes.new("wind", "FLOAT_VECTOR", "POINT"),
    "custom normals": lambda obj: obj.data.normals_split_custom_set([(0, 0, 1)] * len(obj.data.loops)),
    "the data of the Skin modifier": lambda obj: obj.modifiers.new("Skin", "SKIN"),
    "the animation of the mesh": lambda obj: obj.data.keyframe_insert("auto_texspace"),
    "sculpted levels": lambda obj: obj.modifiers.new("Multires", "MULTIRES"),
    "smooth faces beside flat ones": lambda obj: setattr(obj.data.polygons[3], "use_smooth", True),
    "Freestyle marks|the attribute 'freestyle_edge'": with_freestyle,
    "loose edges": with_a_loose_edge,
}


@pytest.mark.parametrize("lost", OF_THE_ARTIST)
def test_what_shared_data_has_no_name_for_is_not_lost_to_other_faces(lost: str, hero: bpy.types.Object) -> None:
    hero.vertex_groups.clear()
    OF_THE_ARTIST[lost](hero)
    (scene,) = blender.share(hero, "hero", modifiers=False)
    put("made", without_some_faces(scene), like=scene)
    before = state()
    with pytest.raises(ValueError, match=f"'Suzanne' would lose ({lost})"):
        blender.apply("made", hero)
    assert state() == before
    assert blender.apply("made").object != hero


def test_all_else_that_a_mesh_has_stays_with_other_faces(hero: bpy.types.Object) -> None:
    mesh = hero.data
    hero.vertex_groups.clear()
    mesh.attributes.new("sharp_edge", "BOOLEAN", "EDGE")
    mesh.uv_layers.active = mesh.uv_layers["second"]
    mesh.uv_layers["UVMap"].active_render = True
    mesh.color_attributes.active_color_name = "Corners"
    mesh.color_attributes.default_color_name = "Points"
    mesh["studio"] = 0.5
    mesh.use_fake_user = mesh.use_mirror_x = True
    driver = hero.driver_add("location", 0).driver
    driver.expression = "studio"
    variable = driver.variables.new()
    variable.name = "studio"
    variable.targets[0].id_type, variable.targets[0].id = "MESH", mesh
    variable.targets[0].data_path = '["studio"]'
    (scene,) = blender.share(hero, "hero")
    put("made", without_some_faces(scene), like=scene)
    assert blender.apply("made").in_place
    new = hero.data
    assert (new.name, len(new.polygons)) == ("Suzanne", 333)
    assert (new.use_fake_user, new.use_mirror_x) == (True, True)
    assert (new.uv_layers.active.name, new.uv_layers["UVMap"].active_render) == ("second", True)
    colors = new.color_attributes
    assert (colors.active_color_name, colors.default_color_name) == ("Corners", "Points")
    new["studio"] = 0.75
    new.update_tag()
    bpy.context.view_layer.update()
    assert hero.location.x == 0.75, "drivers follow"


@pytest.mark.parametrize("can_undo", [False, True])
def test_the_old_mesh_is_removed_if_undo_brings_it_back(can_undo: bool, hero: bpy.types.Object) -> None:
    hero.vertex_groups.clear()
    (scene,) = blender.share(hero, "hero")
    put("made", without_some_faces(scene), like=scene)
    before = contents_of(hero.data)
    bpy.ops.ed.undo_push(message="before")
    if can_undo:
        bpy.ops.ed.undo_push(message="before, again")
    assert blender.apply("made").in_place
    assert bpy.data.meshes.keys() == ["Suzanne"] + ([] if can_undo else ["Suzanne.001"])
    assert bpy.data.objects["Suzanne"].data.name == "Suzanne"
    bpy.ops.ed.undo()
    assert contents_of(bpy.data.objects["Suzanne"].data) == before
    assert bpy.data.meshes.keys() == ["Suzanne"]
    bpy.ops.ed.redo()
    assert len(bpy.data.objects["Suzanne"].data.polygons) == 333


def test_shape_keys_are_not_lost_to_other_faces(hero: bpy.types.Object) -> None:
    hero.vertex_groups.clear()
    (scene,) = blender.share(hero, "hero")
    put("made", without_some_faces(scene), like=scene)
    hero.shape_key_add(name="Basis")
    assert "shape keys" in str(blender.apply("made"))


def test_what_modifiers_make_cannot_be_set_in_place(hero: bpy.types.Object) -> None:
    hero.modifiers.new("Subdivision", "SUBSURF").levels = 1
    blender.share(hero, "hero")
    applied = blender.apply("hero")
    assert applied.object != hero
    assert not applied.object.modifiers
    assert len(applied.object.data.polygons) == 1968
    with pytest.raises(ValueError, match="was shared after modifiers"):
        blender.apply("hero", hero)


def test_in_a_file_without_the_object_names_make_the_materials(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    matrix = np.array(hero.matrix_world)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    skin = bpy.data.materials.new("skin")
    made = blender.apply(scene).object
    assert [material.name for material in made.data.materials] == ["skin", "eyes"]
    assert made.data.materials[0] == skin
    assert made.data.polygons[7].material_index == 1
    np.testing.assert_allclose(np.array(made.matrix_world), matrix, atol=1e-6)


def test_units_and_axes_become_those_of_the_scene() -> None:
    quad = {
        "position": np.array([(0, 0, 0), (1, 0, 0), (1, 2, 0), (0, 2, 0)], "f4"),
        "corner_vert": np.array([[0, 1, 2, 3]], "i4"),
    }
    transform = [*np.eye(4).reshape(-1)[:12], 10.0, 0.0, 0.0, 1.0]
    attrs = {"upAxis": "Y", "metersPerUnit": 0.01, "transform": transform}
    SharedSceneBuffer.write_arrays(quad, attrs=attrs, name="wall")
    applied = blender.apply("wall")
    obj = applied.object
    assert applied.said == ("units of 0.01 m made 1 m", "Y up made Z up")
    corners = [tuple(obj.matrix_world @ vertex.co) for vertex in obj.data.vertices]
    np.testing.assert_allclose(corners, [(0.1, 0, 0), (0.11, 0, 0), (0.11, 0, 0.02), (0.1, 0, 0.02)], atol=1e-7)


def test_what_was_converted_once_is_not_converted_again() -> None:
    quad = {
        "position": np.array([(0, 0, 0), (1, 0, 0), (1, 2, 0), (0, 2, 0)], "f4"),
        "corner_vert": np.array([[0, 1, 2, 3]], "i4"),
    }
    attrs = {"upAxis": "Y", "metersPerUnit": 0.01, "transform": [*np.eye(4).reshape(-1)[:12], 10.0, 0.0, 0.0, 1.0]}
    SharedSceneBuffer.write_arrays(quad, attrs=attrs, name="wall")
    wall = blender.apply("wall").object
    before = points_of(wall)
    assert blender.apply("wall", wall).in_place
    np.testing.assert_array_equal(points_of(wall), before)


def test_an_object_far_away_is_exact(hero: bpy.types.Object) -> None:
    hero.location = (123456, 2000, 3000)
    hero.scale = (0.01, 0.01, 0.01)
    (scene,) = blender.share(hero, "hero")
    made = blender.apply("hero", new=True).object
    np.testing.assert_array_equal(points_of(made), np.asarray(scene["position"]))


def test_the_place_of_an_object_is_that_of_now(hero: bpy.types.Object) -> None:
    hero.rotation_euler = (0, 0, 0)
    hero.location = (5, 0, 0)
    (scene,) = blender.share(hero, "hero", modifiers=False)
    assert scene.attrs["transform"][12:15] == [5, 0, 0]
    hero.location = (7, 0, 0)
    world = np.asarray(scene["position"]) + np.array([7, 0, 0], "f4")
    SharedSceneBuffer.write_arrays({**arrays_of(scene), "position": world}, name="world")
    blender.apply("world", hero)
    np.testing.assert_allclose(points_of(hero), np.asarray(scene["position"]), atol=1e-6)


def test_what_is_edited_is_shared_without_modifiers_too(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    bpy.ops.object.mode_set(mode="EDIT")
    (edited,) = blender.share(hero, "edited", modifiers=False)
    assert len(bpy.data.meshes) == 1
    for name in scene:
        np.testing.assert_array_equal(np.asarray(edited[name]), np.asarray(scene[name]), err_msg=name)


def test_an_armature_that_is_a_parent_moves_points_as_well(hero: bpy.types.Object) -> None:
    bpy.ops.object.armature_add()
    hero.parent = bpy.context.object
    hero.parent_type = "ARMATURE"
    (scene,) = blender.share(hero, "hero")
    assert scene.attrs["evaluated"] is True


def test_domains_that_cannot_be_are_refused_before_anything_is_set(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    arrays["position"] = arrays["position"] * 2
    before = state()
    odd: list[tuple[str, NDArray[Any], Any]] = [
        ("color:odd", np.zeros((500, 4), "f4"), "face"),
        ("uv:odd", np.zeros((507, 2), "f4"), "point"),
    ]
    for array, values, domain in odd:
        SharedSceneBuffer.write_arrays(
            arrays | {array: values}, domains={array: domain}, name="odd", replace=True, attrs=scene.attrs
        )
        with pytest.raises(MeshError, match=f"is of each {domain}"):
            blender.apply("odd")
    SharedSceneBuffer.write(b"no arrays", name="bytes")
    with pytest.raises(MeshError, match="there are none"):
        blender.apply("bytes")
    assert state() == before


def test_numbers_of_materials_that_blender_does_not_mind_come_back(hero: bpy.types.Object) -> None:
    for number, value in ((0, 99), (1, -1)):
        hero.data.attributes["material_index"].data[number].value = value
    (scene,) = blender.share(hero, "hero")
    assert np.asarray(scene["material"])[:2].tolist() == [1, 0]
    assert blender.apply("hero").in_place


def test_shape_keys_do_not_take_the_points_back(hero: bpy.types.Object) -> None:
    hero.shape_key_add(name="Basis")
    smile = hero.shape_key_add(name="smile")
    smile.data[7].co.z += 1
    smile.value = 0
    (scene,) = blender.share(hero, "hero", modifiers=False)
    larger = np.asarray(scene["position"]) * 2
    put("made", {**arrays_of(scene), "position": larger}, like=scene)
    assert blender.apply("made").in_place
    (again,) = blender.share(hero, "again")
    np.testing.assert_array_equal(np.asarray(again["position"]), larger)
    smile.value = 1
    (smiling,) = blender.share(hero, "smiling")
    larger[7, 2] += 1
    np.testing.assert_allclose(np.asarray(smiling["position"]), larger, atol=1e-6)


@pytest.mark.parametrize("moving", ["modifier", "shape key"])
def test_what_moves_the_points_is_not_written_into_the_mesh(moving: str, hero: bpy.types.Object) -> None:
    if moving == "modifier":
        hero.modifiers.new("Displace", "DISPLACE")
    else:
        hero.shape_key_add(name="Basis")
        hero.shape_key_add(name="smile").data[0].co.z += 1
    before = state()
    blender.share(hero, "hero")
    with pytest.raises(ValueError, match="share it with modifiers=False"):
        blender.apply("hero", hero)
    assert state() == before
    blender.share(hero, "hero", modifiers=False)
    assert blender.apply("hero").said == ()
    assert state() == before


def test_another_file_and_another_program_do_not_reach_an_object_of_the_same_name(
    hero: bpy.types.Object, tmp_path: Path
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    (scene,) = blender.share(hero, "hero")
    larger = {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}
    foreign = scene.attrs | {"objectId": "0123456789ab:1", "objectFile": str(tmp_path / "b.blend")}
    SharedSceneBuffer.write_arrays(larger, name="foreign", attrs=foreign)
    maya = {"object": hero.name, "transform": scene.attrs["transform"]}
    SharedSceneBuffer.write_arrays(larger, name="maya", attrs=maya, source_dcc="Maya 2026")
    for name in ("foreign", "maya"):
        assert blender.apply(name).object != hero
    # Loading a file gives its objects other numbers; the name in this file counts then.
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    applied = blender.apply("hero")
    assert (applied.object.name, applied.in_place) == ("Suzanne", True)


def test_a_namesake_of_what_was_deleted_is_left_alone(hero: bpy.types.Object, tmp_path: Path) -> None:
    file = str(tmp_path / "a.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    (scene,) = blender.share(hero, "hero")
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}, like=scene)
    bpy.data.objects.remove(hero)
    bpy.ops.mesh.primitive_monkey_add()
    namesake = bpy.context.object
    assert namesake.name == scene.attrs["object"]
    before = points_of(namesake)
    made = blender.apply("made")
    assert not made.in_place
    np.testing.assert_array_equal(points_of(namesake), before)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert blender.apply("made").object == bpy.data.objects["Suzanne"], "the name in this file counts again"


def test_undo_and_redo_leave_an_object_what_it_is(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    bpy.ops.ed.undo_push(message="shared")
    bpy.data.objects.remove(hero)
    bpy.ops.ed.undo_push(message="deleted")
    bpy.ops.ed.undo()
    assert blender.apply(scene).object == bpy.data.objects["Suzanne"]


def test_materials_are_those_of_the_names(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    swapped = {
        **arrays,
        "material_name": np.frombuffer(b"eyesskin", "u1"),
        "material_name:start": np.array([0, 4, 8]),
        "material": 1 - arrays["material"],
    }
    put("swapped", swapped, like=scene)
    assert blender.apply("swapped").said == ()
    put("other", {**swapped, "material_name": np.frombuffer(b"eyesgold", "u1")}, like=scene)
    assert "the object has no 'gold'" in str(blender.apply("other"))
    made = blender.apply("other", new=True).object
    assert [material.name for material in made.data.materials] == ["eyes", "gold"]
    assert made.data.polygons[7].material_index == 0
    for material, problem in ((2, "the last material is 1"), (-1, "negative")):
        SharedSceneBuffer.write_arrays(
            {**arrays, "material": np.full(500, material, "i4")}, name="wrong", replace=True, attrs=scene.attrs
        )
        with pytest.raises(MeshError, match=problem):
            blender.apply("wrong")
    many = {"material_name": np.zeros(0, "u1"), "material_name:start": np.zeros(40_001, "i8")}
    SharedSceneBuffer.write_arrays(arrays | many, name="many", attrs=scene.attrs)
    with pytest.raises(MeshError, match="40001 entries"):
        blender.apply("many", new=True)


def test_data_without_a_place_is_in_the_space_of_the_world(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    mesh = Mesh.of(scene)
    matrix = np.array(hero.matrix_world)
    world = mesh.position @ matrix[:3, :3].T + matrix[:3, 3]
    SharedSceneBuffer.write_arrays({**arrays_of(scene), "position": world.astype("f4")}, name="world")
    applied = blender.apply("world", hero)
    assert applied.in_place
    np.testing.assert_allclose(points_of(hero), mesh.position, atol=1e-5)


def test_bounds_follow_the_points(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    before = np.array(hero.bound_box)
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 3}, like=scene)
    blender.apply("made")
    np.testing.assert_allclose(np.array(hero.bound_box), before * 3, rtol=1e-5)


def test_a_layer_of_zeros_is_a_change(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    more = {"uv:zeros": arrays["uv:UVMap"] * 0, "color:nought": arrays["color:Points"] * 0}
    put("made", arrays | more, like=scene)
    applied = blender.apply("made")
    assert (applied.has_changed, applied.said) == (True, ("UV set 'zeros'", "colour 'nought'"))
    assert not blender.apply("made").has_changed


def test_colours_that_bytes_cannot_hold_are_refused(hero: bpy.types.Object) -> None:
    hero.data.color_attributes.new("bytes", "BYTE_COLOR", "CORNER")
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    bright = {"position": arrays["position"] * 2, "color:bytes": arrays["color:bytes"].copy()}
    before = state()
    for number in (3.5, -0.5, np.nan):
        bright["color:bytes"][7, 1] = number
        put("bright", arrays | bright, like=scene)
        with pytest.raises(ValueError, match="the colour attribute 'bytes' has bytes, which hold 0 to 1"):
            blender.apply("bright")
    assert state() == before
    bright["color:bytes"][7, 1] = 3.5
    put("bright", arrays | bright, like=scene)
    made = blender.apply("bright", new=True).object
    assert made.data.color_attributes["bytes"].data[7].color[1] == 3.5


def test_colours_of_corners_stay_with_their_corners() -> None:
    triangle = {
        "position": np.eye(3, dtype="f4"),
        "corner_vert": np.array([2, 0, 1], "i4"),
        "color:Col": np.array([(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)], "f4"),
    }
    SharedSceneBuffer.write_arrays(triangle, domains={"color:Col": "corner"}, name="soup")
    colors = blender.apply("soup").object.data.color_attributes["Col"]
    assert colors.domain == "CORNER"
    assert [tuple(color.color) for color in colors.data] == [tuple(row) for row in triangle["color:Col"]]


def test_a_sheared_place_is_kept() -> None:
    bpy.ops.object.empty_add()
    parent = bpy.context.object
    parent.scale = (1, 1, 5)
    bpy.ops.mesh.primitive_cube_add(rotation=(0.7, 0, 0))
    cube = bpy.context.object
    cube.parent = parent
    bpy.context.view_layer.update()
    expected = [cube.matrix_world @ vertex.co for vertex in cube.data.vertices]
    blender.share(cube, "cube")
    made = blender.apply("cube", new=True).object
    np.testing.assert_allclose([made.matrix_world @ vertex.co for vertex in made.data.vertices], expected, atol=1e-5)


def test_a_new_object_can_be_seen_and_a_fake_user_is_nobody(hero: bpy.types.Object) -> None:
    bpy.data.collections.new("AAA in no scene").objects.link(hero)
    hero.data.use_fake_user = True
    (scene,) = blender.share(hero, "hero")
    assert blender.apply("hero").in_place
    made = blender.apply("hero", new=True).object
    assert made.users_scene == (bpy.context.scene,)
    assert made.data.materials[:] == hero.data.materials[:]
    assert "evaluated" not in scene.attrs


@pytest.mark.parametrize(
    ("attrs", "problem"),
    [
        ({"transform": ["x"] * 16}, "'transform' is not a list of 16 numbers"),
        ({"transform": [1e39] * 16}, "'transform' is not a list of 16 numbers"),
        ({"transform": [1.0] * 15}, "'transform' is not a list of 16 numbers"),
        (
            {"transform": [1.0, 0.0, 0.0, 10.0, *np.eye(4).reshape(-1)[4:]]},
            "the translation in",
        ),
        ({"transform": [*np.eye(4).reshape(-1)[:15], 2.0]}, "the translation in numbers 12 to 14"),
        ({"metersPerUnit": 1e300}, "1e\\+300, not a unit"),
        ({"metersPerUnit": 2**63 - 1}, "9223372036854775807, not a unit"),
        ({"metersPerUnit": -1}, "-1, not a unit"),
        ({"metersPerUnit": "0.01"}, "'0.01', not a unit"),
        ({"metersPerUnit": [0.01]}, r"\[0.01\], not a unit"),
        ({"upAxis": "y"}, "'upAxis' is 'y', and neither 'Y' nor 'Z'"),
        ({"upAxis": "X"}, "'upAxis' is 'X', and neither 'Y' nor 'Z'"),
    ],
)
def test_attributes_that_mean_nothing_are_refused(attrs: dict[str, Any], problem: str, hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    SharedSceneBuffer.write_arrays(arrays_of(scene), name="odd", attrs=scene.attrs | attrs)
    before = state()
    for new in (False, True):
        with pytest.raises(MeshError, match=problem):
            blender.apply("odd", new=new)
    assert state() == before


def test_names_that_blender_would_change_are_refused(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    uv = arrays["uv:UVMap"]
    before = state()
    # Blender 5.2 and newer take names of any length.
    too_long = {"uv:" + "u" * 90: uv} if bpy.app.version < (5, 2, 0) else {"color:bones": np.zeros((507, 4), "u1")}
    for more, problem in (
        (too_long, "the name is too long or taken"),
        ({"uv": uv}, "two layers would be called 'UVMap'"),
        ({"uv:Points": uv}, "two layers would be called 'Points'"),
        ({"uv:material_index": uv}, "because Blender uses it itself"),
        ({"color:bones": np.zeros((507, 4), "f4")}, "bones"),
    ):
        SharedSceneBuffer.write_arrays(arrays | more, name="odd", replace=True, attrs=scene.attrs)
        with pytest.raises(ValueError, match=problem):
            blender.apply("odd")
    assert state() == before


def test_points_without_faces_are_refused() -> None:
    for count in (0, 3):
        arrays = {"position": np.zeros((count, 3), "f4"), "corner_vert": np.zeros(0, "i4")}
        SharedSceneBuffer.write_arrays(arrays, name="points", replace=True)
        with pytest.raises(MeshError, match="there are no faces"):
            blender.apply("points")
    assert not bpy.data.meshes


def in_edit_mode(_: bpy.types.Object) -> None:
    bpy.ops.object.mode_set(mode="EDIT")


def with_a_second_user(obj: bpy.types.Object) -> None:
    bpy.data.objects.new("twin", obj.data)


@pytest.mark.parametrize(
    ("hinder", "why"),
    [(in_edit_mode, "is in edit mode: leave it first"), (with_a_second_user, "shares its mesh with 1 more")],
)
def test_an_object_that_cannot_be_updated_is_left_alone(
    hinder: Callable[[bpy.types.Object], None], why: str, hero: bpy.types.Object
) -> None:
    (scene,) = blender.share(hero, "hero")
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}, like=scene)
    hinder(hero)
    before = state()
    with pytest.raises(ValueError, match=why):
        blender.apply("made", hero)
    assert state() == before
    applied = blender.apply("made")
    assert applied.object != hero
    assert why in str(applied)


def posing(_: bpy.types.Object) -> None:
    bpy.ops.object.armature_add()
    bpy.ops.object.mode_set(mode="POSE")


def painting(mode: str) -> Callable[[bpy.types.Object], None]:
    def paint(_: bpy.types.Object) -> None:
        bpy.ops.mesh.primitive_monkey_add()
        bpy.ops.object.mode_set(mode=mode)

    return paint


@pytest.mark.parametrize("enter", [posing, painting("WEIGHT_PAINT"), painting("VERTEX_PAINT")])
def test_an_object_is_updated_while_another_is_posed_or_painted_and_undo_knows_it(
    enter: Callable[[bpy.types.Object], None], hero: bpy.types.Object
) -> None:
    (scene,) = blender.share(hero, "hero")
    put("made", {**arrays_of(scene), "position": np.asarray(scene["position"]) * 2}, like=scene)
    before = points_of(hero)
    enter(hero)
    bpy.ops.ed.undo_push(message="entered")
    mode = bpy.context.mode
    assert blender.apply("made").object == hero
    bpy.ops.ed.undo()
    assert bpy.context.mode == mode
    np.testing.assert_array_equal(points_of(bpy.data.objects["Suzanne"]), before)


@pytest.mark.parametrize("enter", [painting("EDIT"), painting("TEXTURE_PAINT")])
def test_an_object_is_left_alone_while_another_is_edited(
    enter: Callable[[bpy.types.Object], None], hero: bpy.types.Object
) -> None:
    (scene,) = blender.share(hero, "hero")
    enter(hero)
    with pytest.raises(ValueError, match="while another is edited or painted, as that could not be undone"):
        blender.apply(scene, hero)


DAMAGE: dict[str, Callable[[dict[str, NDArray[Any]]], Any]] = {
    "and there are 507 points": lambda arrays: arrays["corner_vert"].__setitem__(3, 507),
    "has -1 at 3": lambda arrays: arrays["corner_vert"].__setitem__(3, -1),
    "face 1 has -1": lambda arrays: arrays["face_start"].__setitem__(1, 2_000_000),
    "begins with corner 4": lambda arrays: arrays.__setitem__("face_start", arrays["face_start"][1:]),
    "NaN": lambda arrays: arrays["position"].__setitem__((5, 1), np.nan),
    "same point twice": lambda arrays: arrays["corner_vert"].__setitem__(1, arrays["corner_vert"][0]),
    "'uv:UVMap' has the shape": lambda arrays: arrays.__setitem__("uv:UVMap", arrays["uv:UVMap"][1:]),
    "needs an array 'corner_vert'": lambda arrays: arrays.pop("corner_vert"),
}


@pytest.mark.parametrize("problem", DAMAGE)
def test_damaged_data_is_refused_and_blender_lives(problem: str, hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    DAMAGE[problem](arrays)
    SharedSceneBuffer.write_arrays(arrays, name="damaged", attrs=scene.attrs)
    before = state()
    for arguments in ({}, {"obj": hero}, {"new": True}):
        with pytest.raises(MeshError, match=problem):
            blender.apply("damaged", **arguments)
    assert state() == before


def test_what_blender_has_no_room_for_changes_nothing(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero")
    arrays = arrays_of(scene)
    arrays["position"] = arrays["position"] * 2
    corners = len(arrays["corner_vert"])
    many = {f"uv:{number}": np.zeros((corners, 2), "f4") for number in range(7)}
    SharedSceneBuffer.write_arrays(arrays | many, name="many", attrs=scene.attrs)
    SharedSceneBuffer.write_arrays(
        arrays | {"color:Points": np.zeros((corners, 4), "f4")}, name="colours", attrs=scene.attrs
    )
    hero.vertex_groups.clear()
    others = without_some_faces(scene)
    left = len(others["corner_vert"])
    put("others", others | {name: array[:left] for name, array in many.items()}, like=scene)
    before = state()
    for name, problem in (
        ("many", "it takes eight UV sets"),
        ("others", "it takes eight UV sets"),
        ("colours", "is of each point, and the data is not"),
    ):
        with pytest.raises(ValueError, match=problem):
            blender.apply(name)
    assert state() == before
    with pytest.raises(shm.NotFound):
        blender.apply("nobody")


def test_a_selection_is_what_has_a_mesh(store: Store) -> None:
    with pytest.raises(ValueError, match="no mesh is selected"):
        blender.share()
    bpy.ops.object.camera_add()
    with pytest.raises(ValueError, match="'Camera' is a camera and has no mesh"):
        blender.share(bpy.context.object, "camera")
    assert store.list() == []
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.text_add()
    for obj in bpy.data.objects:
        obj.select_set(True)
    assert {scene.name for scene in blender.share(name="all")} == {"all/Cube", "all/Text"}
    assert {scene.name for scene in blender.share()} == {"Cube", "Text"}


def test_nothing_is_shared_if_one_cannot_be(store: Store) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.mesh.primitive_cube_add()
    other = bpy.context.object
    for name in ("a\nb", "x" * 63):
        other.name = name
        with pytest.raises(ValueError, match="cannot be a name"):
            blender.share([cube, other], "n" * 200)
    other.name = "other"
    other.data.uv_layers[0].name = "u\nv"
    with pytest.raises(ValueError, match="cannot be a name"):
        blender.share([cube, other], "n")
    other.data.uv_layers[0].name = "u"
    other.hide_viewport = True
    with pytest.raises(ValueError, match="'other' is not in this view layer, or disabled in it"):
        blender.share([cube, other], "n")
    assert store.list() == []
    assert blender.share([cube, other], "n", modifiers=False)


def test_a_name_is_not_taken_for_an_object(hero: bpy.types.Object) -> None:
    wanted = r"not its name: bpy.data.objects\['Suzanne'\]"
    with pytest.raises(TypeError, match=wanted):
        blender.share(hero.name, "hero")
    blender.share(hero, "hero")
    with pytest.raises(TypeError, match=wanted):
        blender.apply("hero", hero.name)


def test_two_of_one_name_are_refused_before_anything_is_shared(store: Store) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    with pytest.raises(ValueError, match="two objects would be called 'a/Cube'"):
        blender.share([cube, cube], "a")
    bpy.ops.object.camera_add()
    with pytest.raises(ValueError, match="has no mesh"):
        blender.share([cube, bpy.context.object], "a")
    assert store.list() == []


def test_an_object_in_edit_mode_is_shared_as_it_is_at_that_moment(hero: bpy.types.Object) -> None:
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.translate(value=(0, 0, 5))
    (scene,) = blender.share(hero, "hero")
    shared = np.array(scene["position"])
    bpy.ops.object.mode_set(mode="OBJECT")
    np.testing.assert_array_equal(shared, points_of(hero))


def test_edges_are_shared_on_request(hero: bpy.types.Object) -> None:
    (scene,) = blender.share(hero, "hero", edges=True)
    edges = np.empty(2 * len(hero.data.edges), "i4")
    hero.data.edges.foreach_get("vertices", edges)
    np.testing.assert_array_equal(np.asarray(scene["edge_verts"]).reshape(-1), edges)
