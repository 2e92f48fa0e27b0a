"""A process without Blender's scene that gets a mesh as NumPy arrays: `bench/blender_ways.py` starts it.

    python blender_reader.py

Each line of stdin is a JSON list of a way and where the data is. Its answer, a line of stdout, comes when every number
was looked at once: the number of points, and the largest coordinate.
"""

# ruff: noqa: E402
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
from dcc_mcp_shm import SharedSceneBuffer
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

PLY_TYPES = {b"float": "<f4", b"uchar": "u1", b"uint": "<u4", b"int": "<i4"}
GLTF_TYPES = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
GLTF_COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
# Of a GLB file: its header, and that of a chunk.
HEADER, CHUNK_HEADER = 12, 8


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
    columns = [(line[2].decode(), PLY_TYPES[line[1]]) for line in lines if line[0] == b"property" and len(line) == 3]  # noqa: PLR2004
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


def glb(file: str) -> Arrays:
    """The accessors of its only mesh."""
    data = np.fromfile(file, np.uint8)
    size = int(data[HEADER : HEADER + 4].view("<u4")[0])
    at = HEADER + CHUNK_HEADER
    content = json.loads(data[at : at + size].tobytes())
    binary = data[at + size + CHUNK_HEADER :]
    (primitive,) = content["meshes"][0]["primitives"]

    def accessor(number: int) -> NDArray[Any]:
        found = content["accessors"][number]
        view = content["bufferViews"][found["bufferView"]]
        rows = np.frombuffer(
            binary[view.get("byteOffset", 0) :],
            GLTF_TYPES[found["componentType"]],
            found["count"] * GLTF_COLUMNS[found["type"]],
        )
        return rows.reshape(found["count"], -1)

    named = {name: accessor(number) for name, number in primitive["attributes"].items()}
    return {"position": named.pop("POSITION"), **named, "corner_vert": accessor(primitive["indices"])}


def lists(file: str) -> Arrays:
    """JSON."""
    with Path(file).open() as text:
        return {name: np.array(values) for name, values in json.load(text).items()}


WAYS: dict[str, Callable[[str], Arrays]] = {"shared": shared, "ply": ply, "usd": usd, "glb": glb, "lists": lists}


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
