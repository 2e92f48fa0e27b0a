"""Shared meshes back into the scene of Blender: in place, or as a new object."""

import dataclasses
from itertools import pairwise
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity, space
from dcc_mcp_shm.mesh import Mesh, MeshError

MOST_UV_SETS = 8
# What Blender calls the first of each.
UV_NAME, COLOR_NAME = "UVMap", "Color"


@dataclasses.dataclass(frozen=True)
class Applied:
    """What `apply` did.

    Attributes:
        object: the object that has the data now.
        in_place: whether it was there before.
        said: what was set or converted, and why the object is new, in words.
    """

    object: bpy.types.Object
    in_place: bool
    said: tuple[str, ...]

    def __str__(self) -> str:
        """In words."""
        how = "updated in place" if self.in_place else "is new"
        nothing = "nothing differs" if self.in_place else "it has the name of the buffer"
        return f"{self.object.name!r} {how}: {', '.join(self.said) or nothing}"


def apply(
    buffer: str | SharedSceneBuffer,
    obj: bpy.types.Object | None = None,
    *,
    new: bool = False,
    store: Store | None = None,
) -> Applied:
    """Bring a shared mesh into the scene, as one step of undo.

    If the object that the mesh was shared from has the same faces, its points, UV sets, colours and materials of faces
    are set where they differ, and all else of it stays: materials, modifiers, weights. Otherwise the mesh becomes a new
    object, which stands where the attribute `transform` says. Units and the up axis of the data are converted if they
    are not those of the scene. Normals are Blender's own.

    Args:
        buffer: id, unique name, descriptor, or an open scene.
        obj: the object to update, instead of the one that the mesh was shared from.
        new: make a new object in any case.
        store: another than the default one.

    Raises:
        MeshError: the data is not that of a mesh, or an index is out of range. The scene is as it was.
        ValueError: `obj` cannot take the mesh; the message says why. The scene is as it was.
        RuntimeError: Blender renders now.
        NotFound: there is no such buffer.
    """
    if bpy.app.is_job_running("RENDER"):
        raise RuntimeError("Blender is rendering: apply the mesh when it is done")
    scene = buffer if isinstance(buffer, SharedSceneBuffer) else SharedSceneBuffer.open(buffer, store=store)
    mesh, attrs = Mesh.of(scene), scene.attrs
    conversion, said = space.to_scene(attrs, bpy.context.scene)
    target = None if new else obj or identity.find(attrs)
    obstacle = _obstacle(target, mesh) if target else None
    if obj and obstacle:
        raise ValueError(f"{obj.name!r} {obstacle}; without `obj`, the mesh becomes a new object")
    if target and not obstacle:
        changed = _update(target.data, mesh, conversion)
        applied = Applied(target, in_place=True, said=(*changed, *said))
    else:
        why = [f"{target.name!r} {obstacle}"] if target and obstacle else []
        made = _make(mesh, scene, conversion, like=target)
        applied = Applied(made, in_place=False, said=(*why, *said))
    if bpy.ops.ed.undo_push.poll():
        bpy.ops.ed.undo_push(message=f"Apply {scene.name or scene.id}")
    return applied


def _obstacle(obj: bpy.types.Object, mesh: Mesh) -> str | None:
    """Why the object cannot be updated in place, if it cannot."""
    if obj.type != "MESH":
        return f"is a {obj.type.lower()}, not a mesh"
    data = obj.data
    counts = (len(data.vertices), len(data.loops), len(data.polygons))
    obstacles = {
        f"is in {obj.mode.lower().replace('_', ' ')} mode: leave it first": obj.mode != "OBJECT",
        "has a mesh that is linked from another file": not data.is_editable,
        f"shares its mesh with {data.users - 1} more: make it a single user first": data.users > 1,
        f"has {counts[0]} points and {counts[2]} faces, not {len(mesh.position)} and {len(mesh.face_start)}": counts
        != (len(mesh.position), len(mesh.corner_vert), len(mesh.face_start)),
    }
    obstacle = next((obstacle for obstacle, is_there in obstacles.items() if is_there), None)
    if obstacle is None and not (
        np.array_equal(_got(data.attributes[".corner_vert"].data, "value", "i4", counts[1]), mesh.corner_vert)
        and np.array_equal(_got(data.polygons, "loop_start", "i4", counts[2]), mesh.face_start)
    ):
        return "has other faces"
    return obstacle


def _got(collection: Any, attribute: str, dtype: str, count: int) -> NDArray[Any]:  # noqa: ANN401 (Blender's)
    array = np.empty(count, dtype)
    collection.foreach_get(attribute, array)
    return array


def _set(collection: Any, attribute: str, array: NDArray[Any]) -> bool:  # noqa: ANN401 (Blender's)
    """Set what differs; whether it did."""
    flat = array.reshape(-1)
    if np.array_equal(_got(collection, attribute, flat.dtype.str[1:], len(flat)), flat):
        return False
    collection.foreach_set(attribute, flat)
    return True


def _update(data: bpy.types.Mesh, mesh: Mesh, conversion: Matrix) -> list[str]:
    """Set what differs, and say what did."""
    _check_room(data, mesh)
    changed = []
    position = mesh.position if conversion == Matrix.Identity(4) else space.moved(mesh.position, conversion)
    if _set(data.attributes["position"].data, "vector", position):
        changed.append("points")
        if data.shape_keys:
            _move_keys(data.shape_keys, position)
    changed += _layers(data, mesh)
    data.update()
    return changed


def _move_keys(keys: bpy.types.Key, position: NDArray[np.float32]) -> None:
    """Move the points of all shape keys as those of the reference key, as Blender's own edit mode does."""
    flat = position.reshape(-1)
    moved = flat - _got(keys.reference_key.data, "co", "f4", len(flat))
    for key in keys.key_blocks:
        is_reference = key == keys.reference_key
        key.data.foreach_set("co", flat if is_reference else _got(key.data, "co", "f4", len(flat)) + moved)


def _check_room(data: bpy.types.Mesh, mesh: Mesh) -> None:
    """Refuse what `_layers` cannot set, before anything is set."""
    new = [name for name in mesh.uv if (name or UV_NAME) not in data.uv_layers]
    if len(data.uv_layers) + len(new) > MOST_UV_SETS:
        raise ValueError(f"Blender has no room for the UV set {new[0]!r}: it takes {MOST_UV_SETS}")
    for name, array in mesh.color.items():
        color = data.color_attributes.get(name or COLOR_NAME)
        if color and len(color.data) != len(array):
            raise ValueError(f"the colour attribute {color.name!r} has {len(color.data)} colours, not {len(array)}")


def _layers(data: bpy.types.Mesh, mesh: Mesh) -> list[str]:
    """Set UV sets, colours and the materials of faces, and say which differed."""
    changed = []
    for name, array in mesh.uv.items():
        layer = data.uv_layers.get(name or UV_NAME) or data.uv_layers.new(name=name or UV_NAME, do_init=False)
        if _set(layer.uv, "vector", array):
            changed.append(f"UV set {layer.name!r}")
    for name, array in mesh.color.items():
        changed += _color(data, name or COLOR_NAME, array)
    if mesh.material is not None:
        material = data.attributes.get("material_index") or data.attributes.new("material_index", "INT", "FACE")
        if _set(material.data, "value", mesh.material):
            changed.append("materials of faces")
    return changed


def _color(data: bpy.types.Mesh, name: str, array: NDArray[Any]) -> list[str]:
    is_bytes = array.dtype == np.uint8
    domain = "POINT" if len(array) == len(data.vertices) else "CORNER"
    color = data.color_attributes.get(name)
    color = color or data.color_attributes.new(name, "BYTE_COLOR" if is_bytes else "FLOAT_COLOR", domain)
    numbers = np.divide(array, 255, dtype="f4") if is_bytes else array
    return [f"colour {color.name!r}"] if _set(color.data, "color_srgb" if is_bytes else "color", numbers) else []


def _make(
    mesh: Mesh, scene: SharedSceneBuffer, conversion: Matrix, *, like: bpy.types.Object | None
) -> bpy.types.Object:
    """A new object, linked where `like` is or into the active collection."""
    name = (scene.name or "shared").rpartition("/")[2]
    data = bpy.data.meshes.new(name)
    try:
        _check_room(data, mesh)
        _build(data, mesh)
        _materials(data, scene, like)
        _layers(data, mesh)
        obj = bpy.data.objects.new(name, data)
    except BaseException:
        bpy.data.meshes.remove(data)
        raise
    obj.matrix_world = conversion @ (space.transform(scene.attrs) or Matrix.Identity(4))
    collection = like.users_collection[0] if like and like.users_collection else bpy.context.collection
    collection.objects.link(obj)
    return obj


def _build(data: bpy.types.Mesh, mesh: Mesh) -> None:
    """Points, faces and edges of an empty mesh. Everything has been checked."""
    data.vertices.add(len(mesh.position))
    data.attributes["position"].data.foreach_set("vector", mesh.position.reshape(-1))
    data.loops.add(len(mesh.corner_vert))
    data.attributes[".corner_vert"].data.foreach_set("value", mesh.corner_vert)
    data.polygons.add(len(mesh.face_start))
    data.polygons.foreach_set("loop_start", mesh.face_start)
    data.update(calc_edges=True)


def _materials(data: bpy.types.Mesh, scene: SharedSceneBuffer, like: bpy.types.Object | None) -> None:
    """The materials of `like`, or those of this file that have the names in the data."""
    if like and like.type == "MESH":
        for slot in like.material_slots:
            data.materials.append(slot.material)
        return
    if "material_name" not in scene or "material_name:start" not in scene:
        return
    text, start = bytes(scene["material_name"]), np.asarray(scene["material_name:start"])
    if start.ndim != 1 or start.dtype.kind not in "iu" or len(start) < 1 or start[0] != 0 or start[-1] != len(text):
        raise MeshError("'material_name:start' does not say where each name begins")
    if (np.diff(start) < 0).any():
        raise MeshError("'material_name:start' decreases")
    for begin, end in pairwise(start):
        name = text[begin:end].decode(errors="replace")
        data.materials.append((bpy.data.materials.get(name) or bpy.data.materials.new(name)) if name else None)
