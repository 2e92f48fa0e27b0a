"""Blender's meshes into shared memory, by Blender's own code."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import bpy
import numpy as np

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity, space
from dcc_mcp_shm.blender.session import SOURCE

# What Blender can make a mesh of.
WITH_MESH = {"MESH", "CURVE", "SURFACE", "META", "FONT"}

Domain = Literal["point", "corner", "face", "edge"]


def share(
    objects: bpy.types.Object | Iterable[bpy.types.Object] | None = None,
    name: str | None = None,
    *,
    group: str | None = None,
    edges: bool = False,
    store: Store | None = None,
) -> list[SharedSceneBuffer]:
    """Share the meshes that objects are after their modifiers, as in the viewport.

    Of each object: points, faces, normals of corners, all UV sets and colour attributes, the material of each face,
    where it stands, and which object it is, by which `apply` finds it. Positions are in the space of the object.
    Instances that modifiers make are left out. A name is taken over from an earlier share.

    Args:
        objects: one or more; what has a mesh of the selected ones if it is left out.
        name: of one object's buffer; of several, or if it ends with a slash, the first part of `<name>/<object>`.
            Without it, the objects' names.
        group: of all buffers.
        edges: share `edge_verts` too.
        store: another than the default one.

    Raises:
        ValueError: no mesh is selected, an object has no mesh or one without faces, or two would have the same name.
            Nothing was shared.
        StoreFull: not enough memory is free. What was shared before stays.
    """
    if objects is None:
        chosen = [obj for obj in bpy.context.selected_objects if obj.type in WITH_MESH]
        if not chosen:
            raise ValueError("no mesh is selected: select an object, or pass the objects")
    elif isinstance(objects, bpy.types.Object):
        chosen = [objects]
    else:
        chosen = list(objects)
        if not chosen:
            raise ValueError("there are no objects to share")
    names = _names(chosen, name)
    with _meshes(chosen) as meshes:
        return [
            _share(obj, mesh, buffer, group=group, edges=edges, store=store)
            for (obj, mesh), buffer in zip(meshes, names, strict=True)
        ]


def _names(objects: list[bpy.types.Object], name: str | None) -> list[str]:
    if name is not None and len(objects) == 1 and not name.endswith("/"):
        return [name]
    prefix = f"{name.removesuffix('/')}/" if name else ""
    names = [f"{prefix}{obj.name}" for obj in objects]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"two objects would be called {twice[0]!r}: share them one by one, each under a name of its own"
        )
    return names


@contextmanager
def _meshes(objects: list[bpy.types.Object]) -> Iterator[list[tuple[bpy.types.Object, bpy.types.Mesh]]]:
    """The evaluated objects with their meshes, all of them or an error."""
    without = [obj for obj in objects if obj.type not in WITH_MESH]
    if without:
        raise ValueError(f"{without[0].name!r} is a {without[0].type.lower()} and has no mesh")
    for obj in objects:
        if obj.mode == "EDIT":
            obj.update_from_editmode()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    made: list[tuple[bpy.types.Object, bpy.types.Mesh]] = []
    try:
        for obj in objects:
            evaluated = obj.evaluated_get(depsgraph)
            mesh = evaluated.to_mesh()
            if mesh is None:
                raise ValueError(f"{obj.name!r} has no mesh after its modifiers")
            made.append((evaluated, mesh))
            if not len(mesh.polygons):
                raise ValueError(f"{obj.name!r} has no faces to share after its modifiers")
        yield made
    finally:
        for evaluated, _ in made:
            evaluated.to_mesh_clear()


def _share(
    evaluated: bpy.types.Object,
    mesh: bpy.types.Mesh,
    name: str,
    *,
    group: str | None,
    edges: bool,
    store: Store | None,
) -> SharedSceneBuffer:
    points, corners, faces = len(mesh.vertices), len(mesh.loops), len(mesh.polygons)
    layout: dict[str, tuple[str, int | tuple[int, ...], Domain]] = {
        "position": ("f4", (points, 3), "point"),
        "corner_vert": ("i4", corners, "corner"),
        "face_start": ("i4", faces, "face"),
        "normal": ("f4", (corners, 3), "corner"),
    }
    for layer in mesh.uv_layers:
        layout[f"uv:{layer.name}"] = ("f4", (corners, 2), "corner")
    for color in mesh.color_attributes:
        of_points = color.domain == "POINT"
        domain: Domain = "point" if of_points else "corner"
        layout[f"color:{color.name}"] = ("f4", (points if of_points else corners, 4), domain)
    material = mesh.attributes.get("material_index")
    if material:
        layout["material"] = ("i4", faces, "face")
    if edges:
        layout["edge_verts"] = ("i4", (len(mesh.edges), 2), "edge")
    materials = _texts([slot.material.name if slot.material else "" for slot in evaluated.material_slots])
    texts = {f"material_name{suffix}": (array.dtype.str, len(array)) for suffix, array in materials.items()}
    original = evaluated.original
    with SharedSceneBuffer.writer(
        {**layout, **texts},
        kind="Geometry",
        source_dcc=SOURCE,
        name=name,
        replace=True,
        group=group,
        attrs=_attrs(evaluated, original),
        store=store,
    ) as w:
        mesh.attributes["position"].data.foreach_get("vector", w["position"])
        mesh.attributes[".corner_vert"].data.foreach_get("value", w["corner_vert"])
        mesh.polygons.foreach_get("loop_start", w["face_start"])
        mesh.corner_normals.foreach_get("vector", w["normal"])
        for layer in mesh.uv_layers:
            layer.uv.foreach_get("vector", w[f"uv:{layer.name}"])
        for color in mesh.color_attributes:
            color.data.foreach_get("color", w[f"color:{color.name}"])
        if material:
            material.data.foreach_get("value", w["material"])
        if edges:
            mesh.attributes[".edge_verts"].data.foreach_get("value", w["edge_verts"])
        for suffix, array in materials.items():
            w[f"material_name{suffix}"] = array
    return w.scene


def _attrs(evaluated: bpy.types.Object, original: bpy.types.Object) -> dict[str, Any]:
    return space.stage(bpy.context.scene) | {
        space.TRANSFORM: space.usd_transform(evaluated),
        **identity.of(original),
    }


def _texts(texts: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Texts as two arrays: their bytes in UTF-8, and where each begins. Nothing for no texts."""
    if not any(texts):
        return {}
    parts = [text.encode() for text in texts]
    return {
        "": np.frombuffer(b"".join(parts), np.uint8),
        ":start": np.cumsum([0, *map(len, parts)], dtype=np.int64),
    }
