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

# Limits of Blender's own.
MOST_UV_SETS = 8
MOST_MATERIALS = 32_766
MOST_NAME_BYTES = 63
# Splitting a matrix into place, rotation and scale is that exact.
NO_SHEAR = 1e-5
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
    """Bring a shared mesh into the scene, as one step of undo. To be called on Blender's main thread.

    If the object that the mesh was shared from has the same faces, its points, UV sets, colours and materials of faces
    are set where they differ, and all else of it stays: where it stands, its materials, modifiers and vertex groups. If
    it has other faces, or was shared after modifiers or shape keys that may have moved its points, the mesh becomes a
    new object. Units and the up axis of the data are converted if they are not those of the scene. Normals, seams and
    sharp edges are Blender's own.

    Args:
        buffer: id, unique name, descriptor, or an open scene.
        obj: the object to update, instead of the one that the mesh was shared from.
        new: make a new object in any case, beside that one.
        store: another than the default one.

    Raises:
        MeshError: the data is not that of a mesh, or an index is out of range. The scene is as it was.
        ValueError: `obj` cannot take the mesh, or Blender has no room for a layer; the message says why. The scene is
            as it was.
        RuntimeError: Blender renders now.
        NotFound: there is no such buffer.
    """
    if bpy.app.is_job_running("RENDER"):
        raise RuntimeError("Blender is rendering: apply the mesh when it is done")
    scene = buffer if isinstance(buffer, SharedSceneBuffer) else SharedSceneBuffer.open(buffer, store=store)
    mesh, attrs, names = Mesh.of(scene), scene.attrs, material_names(scene)
    if not len(mesh.face_start):
        raise MeshError("there are no faces")
    conversion, said = space.to_scene(attrs, bpy.context.scene)
    place = space.transform(attrs)
    target = obj or identity.find(attrs)
    is_evaluated = attrs.get(identity.EVALUATED) is True
    obstacle = _obstacle(target, mesh, is_evaluated=is_evaluated) if target and not new else None
    if obj and obstacle:
        raise ValueError(f"{obj.name!r} {obstacle}; without `obj`, the mesh becomes a new object")
    if target and not new and not obstacle:
        # Without a place of its own, the data is in the space of the world.
        matrix = conversion if place else target.matrix_world.inverted_safe() @ conversion
        changed = _update(target, mesh, space.moved(mesh.position, matrix), names)
        if changed:
            _push_undo(scene)
        return Applied(target, in_place=True, said=(*changed, *said))
    made = _make(mesh, names, scene, conversion @ (place or Matrix.Identity(4)), like=target)
    _push_undo(scene)
    why = [f"{target.name!r} {obstacle}"] if target and obstacle else []
    return Applied(made, in_place=False, said=(*why, *said))


def material_names(scene: SharedSceneBuffer) -> list[str]:
    """The names of the materials that the numbers in `material` are of; none if there are none.

    Raises:
        MeshError: the two arrays do not fit each other.
    """
    if "material_name" not in scene or "material_name:start" not in scene:
        return []
    text, start = bytes(scene["material_name"]), np.asarray(scene["material_name:start"])
    if start.ndim != 1 or start.dtype.kind not in "iu" or len(start) < 1 or start[0] != 0 or start[-1] != len(text):
        raise MeshError("'material_name:start' does not say where each name begins")
    if len(start) > MOST_MATERIALS:
        raise MeshError(f"'material_name:start' has {len(start)} entries; Blender takes {MOST_MATERIALS} materials")
    if (start[1:] < start[:-1]).any():
        raise MeshError("'material_name:start' decreases")
    return [text[begin:end].decode(errors="replace") for begin, end in pairwise(start)]


def _push_undo(scene: SharedSceneBuffer) -> None:
    if bpy.ops.ed.undo_push.poll():
        bpy.ops.ed.undo_push(message=f"Apply {scene.name or scene.id}")


def _obstacle(obj: bpy.types.Object, mesh: Mesh, *, is_evaluated: bool) -> str | None:  # noqa: PLR0911 (one for each reason)
    """Why the object cannot be updated in place, if it cannot."""
    if obj.type != "MESH":
        return f"is a {obj.type.lower()}, not a mesh"
    if obj.mode != "OBJECT":
        return f"is in {obj.mode.lower().replace('_', ' ')} mode: leave it first"
    data = obj.data
    others = data.users - data.use_fake_user - 1
    if data.library or data.override_library or not data.is_editable:
        return "has a mesh that is linked from another file"
    if others > 0:
        return f"shares its mesh with {others} more: make it a single user first"
    points, corners, faces = len(data.vertices), len(data.loops), len(data.polygons)
    if (points, corners, faces) != (len(mesh.position), len(mesh.corner_vert), len(mesh.face_start)):
        return f"has {points} points and {faces} faces, not {len(mesh.position)} and {len(mesh.face_start)}"
    if is_evaluated:
        return "was shared after its modifiers or shape keys, which may have moved it: share it with modifiers=False"
    if not np.array_equal(_got(data.attributes[".corner_vert"].data, "value", "i4", corners), mesh.corner_vert):
        return "has faces of other points"
    if not np.array_equal(_got(data.polygons, "loop_start", "i4", faces), mesh.face_start):
        return "has faces of other sizes"
    return None


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


def _update(obj: bpy.types.Object, mesh: Mesh, position: NDArray[np.float32], names: list[str]) -> list[str]:
    """Set what differs, and say what did."""
    data = obj.data
    _check_room(data, mesh, names)
    changed = []
    if _set(data.attributes["position"].data, "vector", position):
        changed.append("points")
        if data.shape_keys:
            _move_keys(data.shape_keys, position)
        # Or the mesh keeps the bounds that it had.
        data.vertices[0].co = data.vertices[0].co
    changed += _layers(data, mesh)
    if mesh.material is not None:
        slots = [slot.material.name if slot.material else "" for slot in obj.material_slots]
        changed += _set_materials(data, mesh.material, names, slots)
    if changed:
        data.update()
    return changed


def _set_materials(data: bpy.types.Mesh, material: NDArray[np.int32], names: list[str], slots: list[str]) -> list[str]:
    """Give each face the slot that has its material."""
    used = np.unique(material).tolist()
    wanted = {number: names[number] if number < len(names) else None for number in used}
    missing = sorted({name for name in wanted.values() if name is not None and name not in slots})
    beyond = [number for number, name in wanted.items() if name is None and number >= max(len(slots), 1)]
    if missing or beyond:
        what = f"the material {missing[0]!r}" if missing else f"a slot {beyond[0]}"
        return [f"not the materials of faces, as there is not {what}"]
    slot_of = np.zeros(used[-1] + 1, np.int32)
    for number, name in wanted.items():
        is_there_already = name is None or (number < len(slots) and slots[number] == name)
        slot_of[number] = number if is_there_already else slots.index(str(name))
    attribute = data.attributes.get("material_index") or data.attributes.new("material_index", "INT", "FACE")
    return ["materials of faces"] if _set(attribute.data, "value", slot_of[material]) else []


def _move_keys(keys: bpy.types.Key, position: NDArray[np.float32]) -> None:
    """Move the points of all shape keys as those of the reference key."""
    flat = position.reshape(-1)
    moved = flat - _got(keys.reference_key.data, "co", "f4", len(flat))
    for key in keys.key_blocks:
        is_reference = key == keys.reference_key
        key.data.foreach_set("co", flat if is_reference else _got(key.data, "co", "f4", len(flat)) + moved)


def _check_room(data: bpy.types.Mesh, mesh: Mesh, names: list[str]) -> None:
    """Refuse what cannot be set, before anything is set."""
    uv, color = [name or UV_NAME for name in mesh.uv], [name or COLOR_NAME for name in mesh.color]
    layers = [*uv, *color]
    for name in layers:
        if layers.count(name) > 1:
            raise ValueError(f"two layers would be called {name!r}")
        if not 0 < len(name.encode()) <= MOST_NAME_BYTES:
            raise ValueError(f"{name!r} cannot be the name of a layer: Blender takes {MOST_NAME_BYTES} bytes")
        of_its_kind = data.uv_layers if name in uv else data.color_attributes
        if name in data.attributes and name not in of_its_kind:
            raise ValueError(f"there is another attribute that is called {name!r}")
    new = [name for name in uv if name not in data.uv_layers]
    if len(data.uv_layers) + len(new) > MOST_UV_SETS:
        raise ValueError(f"Blender has no room for the UV set {new[0]!r}: it takes {MOST_UV_SETS}")
    for name, array in mesh.color.items():
        layer = data.color_attributes.get(name or COLOR_NAME)
        domain = mesh.color_domain[name]
        if layer and layer.domain != domain.upper():
            raise ValueError(f"the colour attribute {layer.name!r} is of each {layer.domain.lower()}, not {domain}")
        if layer and len(layer.data) != len(array):
            raise ValueError(f"the colour attribute {layer.name!r} has {len(layer.data)} colours, not {len(array)}")
    most = len(names) - 1 if names else MOST_MATERIALS
    if mesh.material is not None and mesh.material.max() > most:
        raise MeshError(f"'material' has {mesh.material.max()}, and the last material is {most}")


def _layers(data: bpy.types.Mesh, mesh: Mesh) -> list[str]:
    """Set UV sets and colours, and say which differed."""
    changed = []
    for name, array in mesh.uv.items():
        layer = data.uv_layers.get(name or UV_NAME) or data.uv_layers.new(name=name or UV_NAME, do_init=False)
        if _set(layer.uv, "vector", array):
            changed.append(f"UV set {layer.name!r}")
    for name, array in mesh.color.items():
        is_bytes = array.dtype == np.uint8
        color = data.color_attributes.get(name or COLOR_NAME) or data.color_attributes.new(
            name or COLOR_NAME, "BYTE_COLOR" if is_bytes else "FLOAT_COLOR", mesh.color_domain[name].upper()
        )
        numbers = np.divide(array, 255, dtype="f4") if is_bytes else array
        if _set(color.data, "color_srgb" if is_bytes else "color", numbers):
            changed.append(f"colour {color.name!r}")
    return changed


def _make(
    mesh: Mesh, names: list[str], scene: SharedSceneBuffer, matrix: Matrix, *, like: bpy.types.Object | None
) -> bpy.types.Object:
    """A new object, linked where `like` is or into the active collection."""
    name = (scene.name or "shared").rpartition("/")[2] or "shared"
    collection = _collection(like)
    data = bpy.data.meshes.new(name)
    obj = None
    try:
        _check_room(data, mesh, names)
        _build(data, mesh)
        _layers(data, mesh)
        obj = bpy.data.objects.new(name, data)
        collection.objects.link(obj)
    except BaseException:
        if obj:
            bpy.data.objects.remove(obj)
        bpy.data.meshes.remove(data)
        raise
    _append_materials(data, names, like)
    if mesh.material is not None:
        attribute = data.attributes.get("material_index") or data.attributes.new("material_index", "INT", "FACE")
        attribute.data.foreach_set("value", mesh.material)
    obj.matrix_world = matrix
    # An object has no shear, so the mesh takes what is left of it.
    left = obj.matrix_basis.inverted_safe() @ matrix
    if not np.allclose(left, Matrix.Identity(4), atol=NO_SHEAR):
        data.transform(left)
    return obj


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


def _append_materials(data: bpy.types.Mesh, names: list[str], like: bpy.types.Object | None) -> None:
    """The materials of these names, those of `like` first; without names, those of `like`."""
    slots = [slot.material for slot in like.material_slots] if like else []
    if not names:
        for material in slots:
            data.materials.append(material)
        return
    have = {material.name: material for material in slots if material}
    for name in names:
        short = name.encode()[:MOST_NAME_BYTES].decode(errors="ignore")
        found = have.get(name) or bpy.data.materials.get(name) or bpy.data.materials.get(short)
        data.materials.append((found or bpy.data.materials.new(short)) if short else None)
