"""A process without Blender's scene that gets a mesh as NumPy arrays: `bench/blender_ways.py` starts it.

    python blender_reader.py

Each line of stdin is a JSON list of a way and where the data is. Its answer, a line of stdout, comes when every number
was looked at once: the number of points, and the largest coordinate.
"""

# ruff: noqa: E402 (what is imported prints, so stdout is moved before)
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Blender prints what it likes: to stderr, and stdout is for answers.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import bpy
import numpy as np
import trimesh
from dcc_mcp_shm import SharedSceneBuffer
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

PLY_TYPES = {b"float": "<f4", b"uchar": "u1", b"uint": "<u4", b"int": "<i4"}


def shared(name: str) -> Arrays:
    """A sealed scene, mapped."""
    scene = SharedSceneBuffer.open(name)
    return {array: np.asarray(scene[array]) for array in scene}


def ply(file: str) -> Arrays:
    """Two tables, of points and of faces that have all as many corners, as `np.frombuffer` takes them."""
    data = Path(file).read_bytes()
    header, end, _ = data.partition(b"end_header\n")
    lines = [line.split() for line in header.splitlines()]
    points_count, faces_count = (int(line[2]) for line in lines if line[0] == b"element")
    columns = [(line[2].decode(), PLY_TYPES[line[1]]) for line in lines if line[0] == b"property" and len(line) == 3]  # noqa: PLR2004 (no list)
    points = np.frombuffer(data, np.dtype(columns), points_count, len(header + end))
    at = len(header + end) + points.nbytes
    size, index = next((PLY_TYPES[line[2]], PLY_TYPES[line[3]]) for line in lines if line[1:2] == [b"list"])
    face = np.dtype([("size", size), ("corner_vert", index, (data[at],))])
    table = np.frombuffer(data, face, faces_count, at)
    names = [name for name, _ in columns]
    return {
        "position": np.stack([points[name] for name in names[:3]], axis=1),
        **{name: points[name] for name in names[3:]},
        "corner_vert": table["corner_vert"],
    }


def usd(file: str) -> Arrays:
    """Through the USD that Blender has with it."""
    from pxr import Usd, UsdGeom  # noqa: PLC0415 (to be found only after Blender said where)

    stage = Usd.Stage.Open(file)
    mesh = UsdGeom.Mesh(next(prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)))
    attributes = {
        "position": mesh.GetPointsAttr(),
        "corner_vert": mesh.GetFaceVertexIndicesAttr(),
        "face_size": mesh.GetFaceVertexCountsAttr(),
        "normal": mesh.GetNormalsAttr(),
        "uv": UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").GetAttr(),
    }
    return {name: np.asarray(attribute.Get()) for name, attribute in attributes.items()}


def by_trimesh(file: str) -> Arrays:
    """Any file of one mesh, as trimesh reads it fastest: without merging points."""
    (mesh,) = trimesh.load_scene(file, process=False).geometry.values()
    # It has no UVs of a GLB file without materials.
    uv = getattr(mesh.visual, "uv", None)
    return {
        "position": np.asarray(mesh.vertices),
        "corner_vert": np.asarray(mesh.faces),
        "normal": np.asarray(mesh.vertex_normals),
        **({"uv": uv} if uv is not None else {}),
    }


def lists(file: str) -> Arrays:
    """JSON."""
    with Path(file).open() as text:
        return {name: np.array(values) for name, values in json.load(text).items()}


WAYS: dict[str, Callable[[str], Arrays]] = {
    "shared": shared,
    "ply": ply,
    "trimesh": by_trimesh,
    "usd": usd,
    "lists": lists,
}


def main() -> None:
    """Answer until stdin ends."""
    bpy.utils.expose_bundled_modules()
    print("ready", file=answers)
    for line in sys.stdin:
        way, where = json.loads(line)
        arrays = WAYS[way](where)
        largest = {name: float(array.max()) for name, array in arrays.items()}
        print(json.dumps([len(arrays["position"]), largest["position"]]), file=answers)


if __name__ == "__main__":
    main()
