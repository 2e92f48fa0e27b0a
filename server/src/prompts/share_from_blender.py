import bpy
from dcc_mcp_shm import SharedSceneBuffer

obj = bpy.context.view_layer.objects.active.evaluated_get(bpy.context.evaluated_depsgraph_get())
mesh = obj.to_mesh()
with SharedSceneBuffer.writer(
    {
        "position": ("f4", (len(mesh.vertices), 3), "point"),
        "corner_vert": ("i4", (len(mesh.loops),), "corner"),
        "face_start": ("i4", (len(mesh.polygons),), "face"),
    },
    kind="Geometry", source_dcc="Blender", name=obj.name, replace=True, attrs={"upAxis": "Z"},
) as w:  # Blender's C code fills shared memory
    mesh.attributes["position"].data.foreach_get("vector", w["position"])
    mesh.attributes[".corner_vert"].data.foreach_get("value", w["corner_vert"])
    mesh.polygons.foreach_get("loop_start", w["face_start"])
obj.to_mesh_clear()
