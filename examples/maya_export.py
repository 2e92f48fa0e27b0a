"""Export a Maya mesh. Written against Autodesk's API reference, not run: no Maya was at hand.

    mayapy -m pip install dist/dcc_mcp_shm-*.whl      (once, for Maya's own Python; `make dist` builds it)

Points are one copy from Maya's own memory: `getRawPoints` is the address of all its floats. Only the first Python API,
`maya.OpenMaya`, has it; everything else comes from the second, `maya.api.OpenMaya`.
"""

import ctypes
from typing import Any, SupportsInt

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from maya import OpenMaya as OpenMaya1  # type: ignore[import-not-found]
from maya import cmds
from maya.api import OpenMaya  # type: ignore[import-not-found]


def export_mesh(shape: str, name: str, group: str | None = None) -> SharedSceneBuffer:
    """Publish the mesh node `shape` as it is now evaluated, taking over `name` from an earlier export."""
    dag = OpenMaya.MSelectionList().add(shape).getDagPath(0)
    mesh, raw = OpenMaya.MFnMesh(dag), first_api(shape)
    sizes, corner_vert = mesh.getVertices()
    uv_sets = [uv_set for uv_set in mesh.getUVSetNames() if len(mesh.getAssignedUVs(uv_set)[1]) == len(corner_vert)]
    with SharedSceneBuffer.writer(
        {
            "position": ("f4", (mesh.numVertices, 3), "point"),
            "corner_vert": ("i4", len(corner_vert), "corner"),
            "face_size": ("i4", len(sizes), "face"),
            "normal": ("f4", (len(corner_vert), 3), "corner"),
            **{f"uv:{uv_set}": ("f4", (len(corner_vert), 2), "corner") for uv_set in uv_sets},
        },
        kind="Geometry",
        source_dcc=f"Maya {cmds.about(version=True)}",
        name=name,
        replace=True,
        group=group,
        attrs=stage() | {"transform": list(dag.inclusiveMatrix())},
    ) as w:
        w["position"] = floats_at(raw.getRawPoints(), 3 * mesh.numVertices)
        w["corner_vert"] = corner_vert
        w["face_size"] = sizes
        # Maya keeps each normal and each UV once, and an index for each corner. (With another mode, take would go over
        # a buffer of its own.)
        normals = np.asarray(floats_at(raw.getRawNormals(), 3 * mesh.numNormals)).reshape(-1, 3)
        np.take(normals, mesh.getNormalIds()[1], axis=0, out=np.asarray(w["normal"]), mode="clip")
        for uv_set in uv_sets:
            w[f"uv:{uv_set}"] = np.column_stack(mesh.getUVs(uv_set))[mesh.getAssignedUVs(uv_set)[1]]
    return w.scene


def first_api(shape: str) -> OpenMaya1.MFnMesh:
    """The same mesh in the first Python API, which returns through arguments."""
    selection, dag = OpenMaya1.MSelectionList(), OpenMaya1.MDagPath()
    selection.add(shape)
    selection.getDagPath(0, dag)
    return OpenMaya1.MFnMesh(dag)


def floats_at(pointer: SupportsInt, count: int) -> ctypes.Array[ctypes.c_float]:
    """Maya's own floats, not a copy: valid until the mesh changes."""
    return (ctypes.c_float * count).from_address(int(pointer))


def stage() -> dict[str, Any]:
    """What the numbers of a scene mean, under the names that USD has for it."""
    return {
        "upAxis": cmds.upAxis(query=True, axis=True).upper(),
        "metersPerUnit": 0.01,  # the API speaks centimetres, whatever unit the user sees
        "timeCodesPerSecond": OpenMaya.MTime(1, OpenMaya.MTime.kSeconds).asUnits(OpenMaya.MTime.uiUnit()),
    }


if __name__ == "__main__":
    for selected in cmds.ls(selection=True, dag=True, type="mesh", noIntermediate=True, long=True):
        print(export_mesh(selected, selected).descriptor_json())
