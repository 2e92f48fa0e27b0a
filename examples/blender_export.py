"""Export an evaluated Blender mesh: Blender's own code writes straight into shared memory, in one pass.

    python examples/blender_export.py      (needs `bpy` from PyPI; run with bpy 5.0.1)

In Blender, `export_mesh(bpy.context.object, "set/hero")` is all there is to it. Modifiers are applied as in the
viewport (`levels`, not `render_levels`), positions are in object space, and instances that modifiers make are left out.
"""

from typing import Any

import bpy
from dcc_mcp_shm import SharedSceneBuffer

SOURCE = f"Blender {bpy.app.version_string}"


def export_mesh(obj: bpy.types.Object, name: str, group: str | None = None) -> SharedSceneBuffer:
    """Publish the mesh that `obj` is after its modifiers, taking over `name` from an earlier export.

    Every `foreach_get` is one block copy, but for `face_size`: Blender keeps no array of it and makes each number anew,
    75 ms for a million faces. (Its internal offsets are there at once, but no documented call gives them.)

    Raises:
        ValueError: the object has no faces.
        StoreFull: not enough memory is free; nothing was published.
    """
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points, corners, faces = len(mesh.vertices), len(mesh.loops), len(mesh.polygons)
    if not faces:
        raise ValueError(f"{obj.name!r} has no faces to export")
    with SharedSceneBuffer.writer(
        {
            "position": ("f4", (points, 3), "point"),
            "corner_vert": ("i4", corners, "corner"),
            "face_size": ("i4", faces, "face"),
            "normal": ("f4", (corners, 3), "corner"),
            **{f"uv:{layer.name}": ("f4", (corners, 2), "corner") for layer in mesh.uv_layers},
        },
        kind="Geometry",
        source_dcc=SOURCE,
        name=name,
        replace=True,
        group=group,
        attrs=stage(bpy.context.scene) | {"transform": usd_transform(evaluated)},
    ) as w:
        mesh.attributes["position"].data.foreach_get("vector", w["position"])
        mesh.attributes[".corner_vert"].data.foreach_get("value", w["corner_vert"])
        mesh.polygons.foreach_get("loop_total", w["face_size"])
        mesh.corner_normals.foreach_get("vector", w["normal"])
        for layer in mesh.uv_layers:
            layer.uv.foreach_get("vector", w[f"uv:{layer.name}"])
    evaluated.to_mesh_clear()
    return w.scene


def stage(scene: bpy.types.Scene) -> dict[str, Any]:
    """What the numbers of a scene mean, under the names that USD has for it."""
    return {
        "upAxis": "Z",
        "metersPerUnit": scene.unit_settings.scale_length,
        "timeCodesPerSecond": scene.render.fps / scene.render.fps_base,
    }


def usd_transform(obj: bpy.types.Object) -> list[float]:
    """Object to world, the 16 numbers row by row, as USD has them.

    USD multiplies row vectors (v * M) and has the translation in numbers 12 to 14; Blender multiplies column vectors
    (M * v) and has it in the last column. So this transposes.
    """
    return [number for row in obj.matrix_world.transposed() for number in row]


if __name__ == "__main__":
    if bpy.app.background:  # nobody has selected anything
        bpy.ops.mesh.primitive_grid_add(x_subdivisions=64, y_subdivisions=64, location=(0, 0, 1))
        bpy.context.object.modifiers.new("Subdivision", "SUBSURF").levels = 2
    print(export_mesh(bpy.context.object, "example/mesh").descriptor_json())
