"""Another mesh with other faces for an object: what the object would lose by it, and what it keeps."""

import bpy
import numpy as np

from dcc_mcp_shm.blender import layers, undoing
from dcc_mcp_shm.mesh import Mesh

# Attributes of the old mesh that the new one has anyway.
BUILT = {"position", ".edge_verts", ".corner_vert", ".corner_edge", "material_index", "sharp_face"}
# Attributes by which Blender remembers what is selected and hidden.
OF_EDITING = (".select_", ".hide_", ".uv_select_", ".vs.", ".es.")
# Blender 5.0 and newer have attributes for it.
FREESTYLE = "use_freestyle_mark"


def loss(obj: bpy.types.Object, mesh: Mesh) -> str | None:
    """What an object would lose by this mesh, if anything."""
    data = obj.data
    uv, color = {name or layers.UV_NAME for name in mesh.uv}, {name or layers.COLOR_NAME for name in mesh.color}
    losses = [
        *(["shape keys"] if data.shape_keys else []),
        *(["the animation of the mesh"] if data.animation_data else []),
        *(["vertex groups"] if obj.vertex_groups else []),
        *(["sculpted levels"] if any(modifier.type == "MULTIRES" for modifier in obj.modifiers) else []),
        *(f"the UV set {layer.name!r}" for layer in data.uv_layers if layer.name not in uv),
        *(f"the colours {layer.name!r}" for layer in data.color_attributes if layer.name not in color),
        *(["materials of faces"] if len(data.materials) > 1 and mesh.material is None else []),
        *(["custom normals"] if data.has_custom_normals else []),
        *(["the data of the Skin modifier"] if len(data.skin_vertices) else []),
        *(f"the attribute {name!r}" for name in _attributes_beside(data)),
        *(["Freestyle marks"] if _is_any(data.edges, FREESTYLE) or _is_any(data.polygons, FREESTYLE) else []),
        *(["loose edges"] if _has_loose_edges(data) else []),
        *(["smooth faces beside flat ones"] if len(_flat(data)) > 1 else []),
    ]
    return losses[0] if losses else None


def replace(obj: bpy.types.Object, data: bpy.types.Mesh) -> None:
    """Give an object a copy of its mesh that has other faces now. Nothing can fail here.

    The old mesh is removed if undo can bring it back.
    """
    old = obj.data
    if True in _flat(old):
        # What shade_flat() does, which sets them one by one.
        flat = data.attributes.new("sharp_face", "BOOLEAN", "FACE")
        flat.data.foreach_set("value", np.ones(len(data.polygons), "?"))
    if old.uv_layers.active:
        data.uv_layers.active = data.uv_layers[old.uv_layers.active.name]
    for layer in old.uv_layers:
        data.uv_layers[layer.name].active_render = layer.active_render
    data.color_attributes.active_color_name = old.color_attributes.active_color_name
    data.color_attributes.default_color_name = old.color_attributes.default_color_name
    # Not only of the object, but also of drivers, and that it is kept without users.
    old.user_remap(data)
    name, other = old.name, data.name
    old.name = f"{other}.old"
    data.name, old.name = name, other
    if undoing.has_step() and not old.users:
        bpy.data.meshes.remove(old)


def _attributes_beside(data: bpy.types.Mesh) -> list[str]:
    """Attributes that say something, and have no name in shared data."""
    named = {layer.name for layer in (*data.uv_layers, *data.color_attributes)}
    return [
        attribute.name
        for attribute in data.attributes
        if attribute.name not in BUILT | named
        and not attribute.name.startswith(OF_EDITING)
        and not (attribute.data_type == "BOOLEAN" and not _is_any(attribute.data, "value"))
    ]


def _flat(data: bpy.types.Mesh) -> set[bool]:
    """Whether faces are flat: both, if some are."""
    attribute = data.attributes.get("sharp_face")
    if not attribute or not len(attribute.data):
        return {False}
    flat = layers.read(attribute.data, "value", "?", len(attribute.data))
    return {bool(flat.min()), bool(flat.max())}


def _has_loose_edges(data: bpy.types.Mesh) -> bool:
    """Whether an edge is of no face, which `is_loose` says one by one."""
    of_faces = np.zeros(len(data.edges), bool)
    # A mesh without faces lacks the attribute.
    if len(data.loops):
        of_faces[layers.read(data.attributes[".corner_edge"].data, "value", "i4", len(data.loops))] = True
    return not of_faces.all()


def _is_any(collection: bpy.types.bpy_prop_collection, mark: str) -> bool:
    """Whether any of them has this mark."""
    if not len(collection) or not hasattr(collection[0], mark):
        return False
    return bool(layers.read(collection, mark, "?", len(collection)).any())
