from array import array

import maya.api.OpenMaya as om
from dcc_mcp_shm import {Store}SharedSceneBuffer
from maya import cmds

# The meshes that are selected, as they stand in the world, in centimetres.
selected = om.MGlobal.getActiveSelectionList()
for index in range(selected.length()):
    try:
        path = selected.getDagPath(index).extendToShape()
        mesh = om.MFnMesh(path)
    except (RuntimeError, TypeError):
        continue  # no mesh
    sizes, corners = mesh.getVertices()
    points = array("f", (number for point in mesh.getPoints(om.MSpace.kWorld) for number in (point.x, point.y, point.z)))
    layout = {
        "position": ("f4", (len(points) // 3, 3), "point"),
        "corner_vert": ("i4", len(corners), "corner"),
        "face_size": ("i4", len(sizes), "face"),
    }
    with SharedSceneBuffer.writer(
        layout, kind="Geometry", source_dcc="Maya", name="selection/" + path.partialPathName(), group="selection",
        attrs={"upAxis": cmds.upAxis(query=True, axis=True).upper(), "metersPerUnit": 0.01}, replace=True{store},
    ) as w:
        w["position"], w["corner_vert"], w["face_size"] = points, array("i", corners), array("i", sizes)
    print(w.scene.name)
