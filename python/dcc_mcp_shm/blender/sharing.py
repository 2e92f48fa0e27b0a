"""Blender's meshes into shared memory, by Blender's own code."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import bpy
import numpy as np

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity, layers, names, space
from dcc_mcp_shm.blender.session import SOURCE

# What Blender can make a mesh of.
WITH_MESH = {"MESH", "CURVE", "SURFACE", "META", "FONT"}

Layout = dict[str, tuple[str, int | tuple[int, ...], Literal["point", "corner", "face", "edge"]]]


def share(
    objects: bpy.types.Object | Iterable[bpy.types.Object] | None = None,
    name: str | None = None,
    *,
    modifiers: bool = True,
    edges: bool = False,
    group: str | None = None,
    store: Store | None = None,
) -> list[SharedSceneBuffer]:
    """Share the meshes of objects, after their modifiers as in the viewport.

    Of each: points, faces, normals of corners, all UV sets and colour attributes, the material of each face, where it
    stands, and which object it is, by which `apply` finds it. Positions are in the space of the object. Instances that
    modifiers make are left out. A name is taken over from an earlier share.

    Args:
        objects: one or more; what has a mesh of the selected ones if it is left out.
        name: of one object's buffer; of several, or if it ends with a slash, the first part of `<name>/<object>`.
            Without it, the objects' names.
        modifiers: False for the mesh as it is edited, without modifiers and shape keys, which `apply` can set in place.
        edges: share `edge_verts` too.
        group: of all buffers.
        store: another than the default one.

    Raises:
        ValueError: no mesh is selected, an object has no mesh or one without faces, is not in the view layer, or a name
            is one that a buffer cannot have, or has twice. Nothing was shared.
        StoreFull: not enough memory is free. What was shared before stays.
    """
    if objects is None:
        chosen = [obj for obj in bpy.context.view_layer.objects.selected if obj.type in WITH_MESH]
        if not chosen:
            raise ValueError("no mesh is selected: select an object, or pass the objects")
    elif isinstance(objects, bpy.types.Object):
        chosen = [objects]
    elif isinstance(objects, str):
        raise TypeError(f"an object is wanted and not its name: bpy.data.objects[{objects!r}]")
    else:
        chosen = list(objects)
        if not chosen:
            raise ValueError("there are no objects to share")
    buffers = _names(chosen, name)
    with _meshes(chosen, modifiers=modifiers) as meshes:
        layouts = [_layout(mesh, edges=edges) for _, mesh in meshes]
        for array in {array for layout in layouts for array in layout}:
            names.check(array)
        return [
            _share(obj, mesh, layout, buffer, modifiers=modifiers, group=group, store=store)
            for (obj, mesh), layout, buffer in zip(meshes, layouts, buffers, strict=True)
        ]


def _names(objects: list[bpy.types.Object], name: str | None) -> list[str]:
    if name is not None and len(objects) == 1 and not name.endswith("/"):
        found = [name]
    else:
        prefix = f"{name.removesuffix('/')}/" if name else ""
        found = [f"{prefix}{obj.name}" for obj in objects]
    for one in found:
        names.check(one)
    twice = sorted({one for one in found if found.count(one) > 1})
    if twice:
        raise ValueError(f"two objects would be called {twice[0]!r}: share them one by one, each under another name")
    return found


@contextmanager
def _meshes(
    objects: list[bpy.types.Object], *, modifiers: bool
) -> Iterator[list[tuple[bpy.types.Object, bpy.types.Mesh]]]:
    """The objects, evaluated if modifiers count, and their meshes; all of them or an error."""
    for obj in objects:
        if obj.type not in WITH_MESH or (obj.type != "MESH" and not modifiers):
            raise ValueError(f"{obj.name!r} is a {obj.type.lower()} and has no mesh")
        if obj.mode == "EDIT":
            obj.update_from_editmode()
    bpy.context.view_layer.update()
    # Once for all: what it evaluates anew loses the mesh that was made of it.
    depsgraph = bpy.context.evaluated_depsgraph_get() if modifiers else None
    with ExitStack() as meshes:
        yield [meshes.enter_context(_mesh(obj, depsgraph)) for obj in objects]


@contextmanager
def _mesh(
    obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph | None
) -> Iterator[tuple[bpy.types.Object, bpy.types.Mesh]]:
    """One of them, and its mesh as long as this lasts."""
    if depsgraph:
        evaluated = obj.evaluated_get(depsgraph)
        if not evaluated.is_evaluated:
            raise ValueError(f"{obj.name!r} is not in this view layer, or disabled in it: show it first")
        try:
            yield evaluated, _with_faces(obj, evaluated.to_mesh())
        finally:
            evaluated.to_mesh_clear()
    elif obj.data.is_editmode:
        # A mesh that is edited has no attributes to read from.
        copy = obj.data.copy()
        try:
            yield obj, _with_faces(obj, copy)
        finally:
            bpy.data.meshes.remove(copy)
    else:
        yield obj, _with_faces(obj, obj.data)


def _with_faces(obj: bpy.types.Object, mesh: bpy.types.Mesh | None) -> bpy.types.Mesh:
    if not mesh or not len(mesh.polygons):
        raise ValueError(f"{obj.name!r} has no faces to share")
    return mesh


def _layout(mesh: bpy.types.Mesh, *, edges: bool) -> Layout:
    points, corners, faces = len(mesh.vertices), len(mesh.loops), len(mesh.polygons)
    layout: Layout = {
        "position": ("f4", (points, 3), "point"),
        "corner_vert": ("i4", corners, "corner"),
        "face_start": ("i4", faces, "face"),
        "normal": ("f4", (corners, 3), "corner"),
    }
    for layer in mesh.uv_layers:
        layout[f"uv:{layer.name}"] = ("f4", (corners, 2), "corner")
    for color in mesh.color_attributes:
        of_points = color.domain == "POINT"
        rows = points if of_points else corners
        layout[f"color:{color.name}"] = ("f4", (rows, 4), "point" if of_points else "corner")
    if "material_index" in mesh.attributes:
        layout["material"] = ("i4", faces, "face")
    if edges:
        layout["edge_verts"] = ("i4", (len(mesh.edges), 2), "edge")
    return layout


def _share(
    obj: bpy.types.Object,
    mesh: bpy.types.Mesh,
    layout: Layout,
    name: str,
    *,
    modifiers: bool,
    group: str | None,
    store: Store | None,
) -> SharedSceneBuffer:
    texts = _texts([slot.material.name if slot.material else "" for slot in obj.material_slots])
    with SharedSceneBuffer.writer(
        {**layout, **{name: (array.dtype.str, len(array)) for name, array in texts.items()}},
        kind="Geometry",
        source_dcc=SOURCE,
        name=name,
        replace=True,
        group=group,
        attrs=_attrs(obj, modifiers=modifiers),
        store=store,
    ) as w:
        mesh.attributes["position"].data.foreach_get("vector", w["position"])
        mesh.attributes[".corner_vert"].data.foreach_get("value", w["corner_vert"])
        w["face_start"] = layers.face_starts(mesh.polygons)
        mesh.corner_normals.foreach_get("vector", w["normal"])
        for layer in mesh.uv_layers:
            layer.uv.foreach_get("vector", w[f"uv:{layer.name}"])
        for color in mesh.color_attributes:
            color.data.foreach_get("color", w[f"color:{color.name}"])
        if "material" in layout:
            numbers = np.asarray(w["material"])
            mesh.attributes["material_index"].data.foreach_get("value", w["material"])
            # Blender draws faces without a slot with the nearest one.
            np.clip(numbers, 0, max(len(obj.material_slots) - 1, 0), out=numbers)
        if "edge_verts" in layout:
            mesh.attributes[".edge_verts"].data.foreach_get("value", w["edge_verts"])
        for text, array in texts.items():
            w[text] = array
    return w.scene


def _attrs(obj: bpy.types.Object, *, modifiers: bool) -> dict[str, Any]:
    original = obj.original
    is_moved = (
        original.type != "MESH"
        or original.data.shape_keys
        or any(modifier.show_viewport for modifier in original.modifiers)
        # Such a parent moves points without a modifier.
        or original.parent_type in {"ARMATURE", "LATTICE"}
    )
    return {
        **space.stage(space.scene_of(original)),
        space.TRANSFORM: space.usd_transform(obj),
        **identity.of(original),
        **({identity.EVALUATED: True} if modifiers and is_moved else {}),
    }


def _texts(texts: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Names of materials as two arrays: their bytes in UTF-8, and where each begins. Nothing for no names."""
    if not any(texts):
        return {}
    parts = [text.encode() for text in texts]
    return {
        "material_name": np.frombuffer(b"".join(parts), np.uint8),
        "material_name:start": np.cumsum([0, *map(len, parts)], dtype=np.int64),
    }
