"""Shared meshes back into the scene of Blender: in place, or as a new object."""

import dataclasses

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity, layers, materials, replacing, space, undoing
from dcc_mcp_shm.mesh import Mesh, MeshError

# Splitting a matrix into rotation and scale is that exact.
NO_SHEAR = 1e-5
# A matrix whose volume is less has no inverse worth the name.
FLAT = 1e-12
# In other modes, undo knows what is edited alone.
WITH_UNDO_OF_OTHERS = {"OBJECT", "POSE", "SCULPT", "PAINT_WEIGHT", "PAINT_VERTEX"}


@dataclasses.dataclass(frozen=True)
class Applied:
    """What `apply` did.

    Attributes:
        object: the object that has the data now.
        in_place: whether it was there before.
        has_changed: whether the scene is another one than before.
        said: what was set or converted, and why the object is new, in words.
    """

    object: bpy.types.Object
    in_place: bool
    has_changed: bool
    said: tuple[str, ...]

    def __str__(self) -> str:
        """In words."""
        if not self.in_place:
            return ": ".join([f"{self.object.name!r} is new", *filter(None, [", ".join(self.said)])])
        said = ", ".join(self.said) if self.has_changed else "nothing differs"
        return f"{self.object.name!r} updated in place: {said}"


def apply(
    buffer: str | SharedSceneBuffer,
    obj: bpy.types.Object | None = None,
    *,
    new: bool = False,
    undo: bool = True,
    store: Store | None = None,
) -> Applied:
    """Bring a shared mesh into the scene, as one step of undo. To be called on Blender's main thread.

    If the object that the mesh was shared from has the same faces, its points, UV sets, colours and materials of faces
    are set where they differ, and all else of it stays: where it stands, its materials, modifiers and vertex groups. If
    it has other faces, it gets a new mesh, unless it would lose something, such as weights of vertices, creases or a UV
    set. The mesh becomes a new object then, and if it was shared after modifiers or shape keys that may have moved its
    points. Units and the up axis of the data are converted if they are not those of the scene. Normals, seams and sharp
    edges are Blender's own.

    Args:
        buffer: id, unique name, descriptor, or an open scene.
        obj: the object to update, instead of the one that the mesh was shared from.
        new: make a new object in any case, beside that one.
        undo: False within an operator with the option UNDO, which makes the step itself when it has finished.
        store: another than the default one.

    Raises:
        MeshError: the data is not that of a mesh, an index is out of range, or an attribute means nothing. The scene is
            as it was.
        ValueError: `obj` cannot take the mesh, or Blender has no room for a layer, or a colour attribute of bytes is to
            get other numbers than 0 to 1; the message says why. The scene is as it was.
        RuntimeError: Blender renders now.
        NotFound: there is no such buffer.
    """
    if isinstance(obj, str):
        raise TypeError(f"an object is wanted and not its name: bpy.data.objects[{obj!r}]")
    if bpy.app.is_job_running("RENDER"):
        raise RuntimeError("Blender is rendering: apply the mesh when it is done")
    scene = buffer if isinstance(buffer, SharedSceneBuffer) else SharedSceneBuffer.open(buffer, store=store)
    if "pixels" in scene and "position" not in scene:
        raise MeshError("there is no mesh in it, but an image: apply_image() takes it")
    mesh, attrs = Mesh.of(scene), scene.attrs
    if not len(mesh.face_start):
        raise MeshError("there are no faces")
    names = materials.names_in(scene, mesh)
    # Where objects stand is known only then.
    bpy.context.view_layer.update()
    target = obj.original if obj else identity.find_object(attrs)
    conversion, said = space.to_scene(attrs, space.scene_of(target))
    place = space.transform(attrs)
    is_evaluated = attrs.get(identity.EVALUATED) is True
    obstacle, has_faces = None, False
    if target and not new:
        obstacle, has_faces = _obstacle(target, mesh, is_evaluated=is_evaluated, is_placed=bool(place))
    if obj and obstacle:
        raise ValueError(f"{obj.name!r} {obstacle}; without `obj`, the mesh becomes a new object")
    if target and not new and not obstacle:
        # Without a place of its own, the data is in the space of the world.
        matrix = conversion if place else target.matrix_world.inverted() @ conversion
        moved = dataclasses.replace(mesh, position=space.moved(mesh.position, matrix))
        changed = _update(target, moved, names) if has_faces else _replace(target, moved, names)
        if changed and undo:
            said += _push_step(scene)
        return Applied(target, in_place=True, has_changed=bool(changed), said=(*changed, *said))
    # The points are converted, and so is the place, as in an update in place.
    position = space.moved(mesh.position, conversion)
    matrix = conversion @ place @ conversion.inverted() if place else Matrix.Identity(4)
    name = (scene.name or "shared").rpartition("/")[2] or "shared"
    made = _make(name, dataclasses.replace(mesh, position=position), names, matrix, like=target)
    if undo:
        said += _push_step(scene)
    why = [f"{target.name!r} {obstacle}"] if target and obstacle else []
    return Applied(made, in_place=False, has_changed=True, said=(*why, *said))


def _push_step(scene: SharedSceneBuffer) -> list[str]:
    """Make a step of undo; what is to be said of it."""
    is_made = undoing.push_step(f"Apply {scene.name or scene.id}")
    return [] if is_made else ["undo does not take it back, as Blender's is off"]


def _obstacle(obj: bpy.types.Object, mesh: Mesh, *, is_evaluated: bool, is_placed: bool) -> tuple[str | None, bool]:
    """Why the object cannot be updated in place, if it cannot; and whether it has the same faces, if it can."""
    if obj.type != "MESH":
        return f"is a {obj.type.lower()}, not a mesh", False
    data = obj.data
    others = data.users - data.use_fake_user - 1
    obstacles = [
        (obj.mode != "OBJECT", f"is in {obj.mode.lower().replace('_', ' ')} mode: leave it first"),
        (
            bpy.context.mode not in WITH_UNDO_OF_OTHERS,
            "cannot be updated while another is edited or painted, as that could not be undone",
        ),
        (data.library or data.override_library or not data.is_editable, "has a mesh that is linked from another file"),
        (others > 0, f"shares its mesh with {others} more: make it a single user first"),
        (not is_placed and abs(obj.matrix_world.to_3x3().determinant()) < FLAT, "has a scale of 0"),
        (
            is_evaluated,
            "was shared after modifiers or shape keys that may have moved it: share it with modifiers=False",
        ),
    ]
    obstacle = next((why for is_there, why in obstacles if is_there), None)
    if obstacle or _has_faces_of(data, mesh):
        return obstacle, not obstacle
    loss = replacing.loss(obj, mesh)
    return loss and f"would lose {loss}, as the mesh has other faces and brings none", False


def _has_faces_of(data: bpy.types.Mesh, mesh: Mesh) -> bool:
    points, corners, faces = len(mesh.position), len(mesh.corner_vert), len(mesh.face_start)
    return (
        (len(data.vertices), len(data.loops), len(data.polygons)) == (points, corners, faces)
        and np.array_equal(layers.read(data.attributes[".corner_vert"].data, "value", "i4", corners), mesh.corner_vert)
        and np.array_equal(layers.face_starts(data.polygons), mesh.face_start)
    )


def _update(obj: bpy.types.Object, mesh: Mesh, names: list[str]) -> list[str]:
    """Set what differs, and say what did."""
    data = obj.data
    # All that can be refused is refused here, before anything is set.
    added = layers.add_missing(data, mesh)
    changed = []
    if layers.set_if_different(data.attributes["position"].data, "vector", mesh.position):
        changed.append("points")
        if data.shape_keys:
            _move_keys(data.shape_keys, mesh.position)
        # Or the mesh keeps the bounds that it had.
        data.vertices[0].co = data.vertices[0].co
    changed += layers.fill(data, mesh, added)
    if mesh.material is not None:
        changed += materials.set_slots(obj, mesh.material, names)
    if changed:
        data.update()
    return changed


def _move_keys(keys: bpy.types.Key, position: NDArray[np.float32]) -> None:
    """Move the points of all shape keys as those of the reference key."""
    flat = position.reshape(-1)
    moved = flat - layers.read(keys.reference_key.data, "co", "f4", len(flat))
    for key in keys.key_blocks:
        is_reference = key == keys.reference_key
        key.data.foreach_set("co", flat if is_reference else layers.read(key.data, "co", "f4", len(flat)) + moved)


def _replace(obj: bpy.types.Object, mesh: Mesh, names: list[str]) -> list[str]:
    """Give the object a new mesh."""
    before = len(obj.data.polygons)
    data = obj.data.copy()
    # Without faces and materials, all else stays, such as custom properties.
    data.clear_geometry()
    data.materials.clear()
    replacing.replace(obj, _filled(data, mesh, names, like=obj))
    after = len(mesh.face_start)
    return [f"{after} faces instead of {before}" if after != before else f"{after} other faces"]


def _make(
    name: str, mesh: Mesh, names: list[str], matrix: Matrix, *, like: bpy.types.Object | None
) -> bpy.types.Object:
    """A new object, linked where `like` is or into the active collection."""
    collection = _collection(like)
    data = _filled(bpy.data.meshes.new(name), mesh, names, like=like)
    obj = None
    try:
        obj = bpy.data.objects.new(name, data)
        collection.objects.link(obj)
        obj.matrix_world = matrix
        _keep_shear(obj, matrix)
    except BaseException:
        if obj:
            bpy.data.objects.remove(obj)
        bpy.data.meshes.remove(data)
        raise
    return obj


def _filled(data: bpy.types.Mesh, mesh: Mesh, names: list[str], *, like: bpy.types.Object | None) -> bpy.types.Mesh:
    """An empty mesh with all that the data has, and the materials of these names; removed if that fails."""
    try:
        _build(data, mesh)
        layers.fill(data, mesh, layers.add_missing(data, mesh))
        if mesh.material is not None:
            materials.set_numbers(data, mesh.material)
        # Last, because a material that was made for this would stay.
        materials.append(data, names, like)
    except BaseException:
        bpy.data.meshes.remove(data)
        raise
    return data


def _keep_shear(obj: bpy.types.Object, matrix: Matrix) -> None:
    """Let the mesh take what an object cannot have."""
    has, wanted = obj.matrix_basis.to_3x3(), matrix.to_3x3()
    if abs(has.determinant()) < FLAT:
        return
    left = has.inverted() @ wanted
    if not np.allclose(left, Matrix.Identity(3), atol=NO_SHEAR):
        obj.data.transform(left.to_4x4())


def _collection(like: bpy.types.Object | None) -> bpy.types.Collection:
    """Where a new object goes: beside another one if it can."""
    root = bpy.context.scene.collection
    editable = [one for one in (root, *root.children_recursive) if one.is_editable and not one.override_library]
    beside = [one for one in editable if like and like.name in one.objects and one.objects[like.name] == like]
    active = [bpy.context.collection] if bpy.context.collection in editable else []
    return [*beside, *active, root][0]


def _build(data: bpy.types.Mesh, mesh: Mesh) -> None:
    """Points, faces and edges of an empty mesh. Everything has been checked."""
    data.vertices.add(len(mesh.position))
    data.attributes["position"].data.foreach_set("vector", mesh.position.reshape(-1))
    data.loops.add(len(mesh.corner_vert))
    data.attributes[".corner_vert"].data.foreach_set("value", mesh.corner_vert)
    data.polygons.add(len(mesh.face_start))
    data.polygons.foreach_set("loop_start", mesh.face_start)
    data.update(calc_edges=True)
