from array import array

import hou
from dcc_mcp_shm import {Store}SharedSceneBuffer

# The polygons of the nodes that are selected: of objects what they display, in their own space.
for node in hou.selectedNodes():
    sop = node.displayNode() if isinstance(node, hou.ObjNode) else node
    if not isinstance(sop, hou.SopNode) or sop.geometry() is None:
        continue
    geometry = sop.geometry()
    faces = [face for face in geometry.prims() if face.type() == hou.primType.Polygon and face.isClosed()]
    sizes = array("i", (len(face.vertices()) for face in faces))
    # Houdini's faces go round clockwise as seen from their front, those of other programs the other way.
    corners = array("i", (vertex.point().number() for face in faces for vertex in reversed(face.vertices())))
    layout = {
        "position": ("f4", (len(geometry.points()), 3), "point"),
        "corner_vert": ("i4", len(corners), "corner"),
        "face_size": ("i4", len(sizes), "face"),
    }
    attrs = {"upAxis": "Y", "metersPerUnit": 1}
    if isinstance(node, hou.ObjNode):
        attrs["transform"] = node.worldTransform().asTuple()
    with SharedSceneBuffer.writer(
        layout, kind="Geometry", source_dcc="Houdini", name="selection/" + node.name(), group="selection", attrs=attrs,
        replace=True{store},
    ) as w:
        w["position"] = geometry.pointFloatAttribValuesAsString("P")
        w["corner_vert"], w["face_size"] = corners, sizes
    print(w.scene.name)
