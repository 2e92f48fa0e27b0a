"""Materials of faces: the numbers in shared data, the names that they are of, and the slots of an object."""

from itertools import pairwise

import bpy
import numpy as np
from numpy.typing import NDArray

from dcc_mcp_shm import SharedSceneBuffer
from dcc_mcp_shm.blender.layers import set_if_different
from dcc_mcp_shm.mesh import Mesh, MeshError

# Blender counts slots in 16 bits.
MOST = 32_766


def names_in(scene: SharedSceneBuffer, mesh: Mesh) -> list[str]:
    """The names that the numbers in `material` are of; none if there are none.

    Raises:
        MeshError: the arrays of names do not fit each other, or a number is beyond them.
    """
    names: list[str] = []
    if "material_name" in scene and "material_name:start" in scene:
        text, start = bytes(scene["material_name"]), np.asarray(scene["material_name:start"])
        if start.ndim != 1 or start.dtype.kind not in "iu" or not len(start) or start[0] != 0 or start[-1] != len(text):
            raise MeshError("'material_name:start' does not say where each name begins")
        if len(start) > MOST:
            raise MeshError(f"'material_name:start' has {len(start)} entries; Blender takes {MOST} materials")
        if (start[1:] < start[:-1]).any():
            raise MeshError("'material_name:start' decreases")
        names = [text[begin:end].decode(errors="replace") for begin, end in pairwise(start)]
    last = len(names) - 1 if names else MOST
    if mesh.material is not None and mesh.material.max(initial=0) > last:
        raise MeshError(f"'material' has {mesh.material.max()}, and the last material is {last}")
    return names


def set_slots(obj: bpy.types.Object, material: NDArray[np.int32], names: list[str]) -> list[str]:
    """Give each face the slot that has its material; what was done, in words."""
    slots = [slot.material.name if slot.material else "" for slot in obj.material_slots]
    used = np.unique(material).tolist()
    wanted = {number: names[number] for number in used if number < len(names)}
    missing = sorted({name for name in wanted.values() if name not in slots})
    if missing:
        return [f"not the materials of faces, as the object has no {missing[0]!r}"]
    if not names and used[-1] >= max(len(slots), 1):
        return [f"not the materials of faces, as the object has no slot {used[-1]}"]
    slot_of = np.arange(used[-1] + 1, dtype=np.int32)
    for number, name in wanted.items():
        if number >= len(slots) or slots[number] != name:
            slot_of[number] = slots.index(name)
    return ["materials of faces"] if set_numbers(obj.data, slot_of[material]) else []


def set_numbers(data: bpy.types.Mesh, material: NDArray[np.int32]) -> bool:
    """Set the slot of each face; whether any differed."""
    attribute = data.attributes.get("material_index") or data.attributes.new("material_index", "INT", "FACE")
    return set_if_different(attribute.data, "value", material)


def append(data: bpy.types.Mesh, names: list[str], like: bpy.types.Object | None) -> None:
    """Append the materials of these names, those of `like` first; without names, those of `like`."""
    slots = [slot.material for slot in like.material_slots] if like else []
    if not names:
        for material in slots:
            data.materials.append(material)
    for number, name in enumerate(names):
        same_place = [material for material in slots[number : number + 1] if material and material.name == name]
        of_like = [material for material in slots if material and material.name == name]
        found = [*same_place, *of_like, bpy.data.materials.get(name)]
        data.materials.append((found[0] or bpy.data.materials.new(name)) if name else None)
