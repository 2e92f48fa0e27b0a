import bpy
from dcc_mcp_shm import SharedSceneBuffer

depsgraph = bpy.context.evaluated_depsgraph_get()
for obj in (o.evaluated_get(depsgraph) for o in bpy.context.selected_objects if o.type == "MESH"):
    mesh = obj.to_mesh()  # after its modifiers, in object space
    transform = [number for row in obj.matrix_world.transposed() for number in row]
    with SharedSceneBuffer.writer(
        {
            "position": ("f4", (len(mesh.vertices), 3), "point"),
            "corner_vert": ("i4", (len(mesh.loops),), "corner"),
            "face_start": ("i4", (len(mesh.polygons),), "face"),
        },
        kind="Geometry", source_dcc="Blender", name=f"selection/{obj.name}", group="selection", replace=True,
        attrs={"upAxis": "Z", "metersPerUnit": bpy.context.scene.unit_settings.scale_length, "transform": transform},
    ) as w:  # Blender's C code fills shared memory
        mesh.attributes["position"].data.foreach_get("vector", w["position"])
        mesh.attributes[".corner_vert"].data.foreach_get("value", w["corner_vert"])
        mesh.polygons.foreach_get("loop_start", w["face_start"])
    obj.to_mesh_clear()
