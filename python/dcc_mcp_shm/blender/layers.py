"""UV sets and colours of a mesh of Blender."""

import ctypes
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from dcc_mcp_shm.mesh import Mesh

# What Blender calls the first of each.
UV_NAME, COLOR_NAME = "UVMap", "Color"
# Blender itself adds these attributes when it needs them.
RESERVED = {"position", "material_index", "sharp_face", "sharp_edge", "edge_verts"}
# The last Blender that was seen to keep faces so.
FACES_ARE_STARTS = (5, 3)
START_BYTES, SAMPLES = 4, 64
HALF_A_STEP = 0.5 / 255


def read(collection: Any, attribute: str, dtype: str, count: int) -> NDArray[Any]:  # noqa: ANN401 (Blender's)
    """What Blender has."""
    array = np.empty(count, dtype)
    collection.foreach_get(attribute, array)
    return array


def face_starts(polygons: bpy.types.MeshPolygons) -> NDArray[np.int32]:
    """The first corner of each face."""
    count = len(polygons)
    # Blender has them as one array, and a face is the address of its own. `loop_start` gives them one by one, which
    # takes longer than all other arrays of a mesh together.
    first, last = polygons[0].as_pointer(), polygons[count - 1].as_pointer()
    if bpy.app.version[:2] <= FACES_ARE_STARTS and last - first == START_BYTES * (count - 1):
        starts = np.frombuffer(ctypes.string_at(first, START_BYTES * count), np.int32)
        some = range(0, count, count // SAMPLES + 1)
        if (np.diff(starts) > 0).all() and all(starts[face] == polygons[face].loop_start for face in some):
            return starts
    return read(polygons, "loop_start", "i4", count)


def set_if_different(collection: Any, attribute: str, array: NDArray[Any]) -> bool:  # noqa: ANN401 (Blender's)
    """Set what differs; whether it did."""
    flat = array.reshape(-1)
    if np.array_equal(read(collection, attribute, flat.dtype.str[1:], len(flat)), flat):
        return False
    collection.foreach_set(attribute, flat)
    return True


def add_missing(data: bpy.types.Mesh, mesh: Mesh) -> list[str]:
    """Add the layers that the mesh has and `data` has not, all of them or none; their names.

    Raises:
        ValueError: Blender has no room for one, or would call it something else, or one that is there cannot hold what
            the mesh has.
    """
    uv, color = [name or UV_NAME for name in mesh.uv], [name or COLOR_NAME for name in mesh.color]
    colors = dict(zip(color, mesh.color.values(), strict=True))
    domains = {name or COLOR_NAME: domain.upper() for name, domain in mesh.color_domain.items()}
    for name in (*uv, *color):
        if [*uv, *color].count(name) > 1:
            raise ValueError(f"two layers would be called {name!r}")
        if name in RESERVED or name.startswith("."):
            raise ValueError(f"{name!r} cannot be the name of a layer, because Blender uses it itself")
    _check_colors(data, colors, domains)
    added: list[tuple[Any, str]] = []
    try:
        for name in uv:
            if name not in data.uv_layers:
                layer = data.uv_layers.new(name=name, do_init=False)
                added += _expected(data.uv_layers, layer, name)
        for name, array in colors.items():
            if name not in data.color_attributes:
                kind = "BYTE_COLOR" if array.dtype == np.uint8 else "FLOAT_COLOR"
                layer = data.color_attributes.new(name, kind, domains[name])
                added += _expected(data.color_attributes, layer, name)
    except BaseException:
        _remove(added)
        raise
    return [name for _, name in added]


def _check_colors(data: bpy.types.Mesh, colors: dict[str, NDArray[Any]], domains: dict[str, str]) -> None:
    """Refuse what colour attributes that are there cannot hold."""
    for name, array in colors.items():
        there = data.color_attributes.get(name)
        if there and there.domain != domains[name]:
            raise ValueError(f"the colour attribute {name!r} is of each {there.domain.lower()}, and the data is not")
        if there and there.data_type == "BYTE_COLOR" and not _fits_bytes(array):
            raise ValueError(
                f"the colour attribute {name!r} has bytes, which hold 0 to 1, and the data has other numbers: make a"
                " new object by new=True, or convert the attribute to floats"
            )


def _fits_bytes(color: NDArray[Any]) -> bool:
    """Whether a colour attribute of bytes can hold these numbers, but for its steps."""
    return color.dtype == np.uint8 or bool(((color > -HALF_A_STEP) & (color < 1 + HALF_A_STEP)).all())


def _expected(collection: Any, layer: Any, name: str) -> list[tuple[Any, str]]:  # noqa: ANN401 (Blender's)
    if layer is None:
        raise ValueError(f"Blender has no room for the layer {name!r}: it takes eight UV sets, and each name once")
    called = layer.name
    if called != name:
        _remove([(collection, called)])
        raise ValueError(f"Blender would call the layer {name!r} {called!r}, as the name is too long or taken")
    return [(collection, name)]


def _remove(added: list[tuple[Any, str]]) -> None:
    """Remove layers that were added."""
    for collection, name in reversed(added):
        collection.remove(collection[name])


def fill(data: bpy.types.Mesh, mesh: Mesh, added: list[str]) -> list[str]:
    """Set UV sets and colours, all of which are there; those that differed or were added before, in words."""
    changed = []
    for name, array in mesh.uv.items():
        layer = data.uv_layers[name or UV_NAME]
        if set_if_different(layer.uv, "vector", array) or layer.name in added:
            changed.append(f"UV set {layer.name!r}")
    for name, array in mesh.color.items():
        is_bytes = array.dtype == np.uint8
        color = data.color_attributes[name or COLOR_NAME]
        numbers = np.divide(array, 255, dtype="f4") if is_bytes else array
        if set_if_different(color.data, "color_srgb" if is_bytes else "color", numbers) or color.name in added:
            changed.append(f"colour {color.name!r}")
    return changed
