"""The demo's agent code: gets descriptors, maps what they mean, and computes on it.

    python consumer.py < DESCRIPTORS

stdin is one descriptor a line, and all that this process is told. stdout gets one JSON object a descriptor:
{"name", "checksums": {array: crc32}, "size_bytes", "private_bytes", "open_ms", "facts": [line of text]}.
"""

import json
import sys
import time
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
from dcc_mcp_shm import SceneDataKind, SharedSceneBuffer
from memory import anonymous_bytes
from numpy.typing import NDArray

Array = NDArray[Any]


def face_normals(points: Array, corners: Array, starts: Array) -> Array:
    """Normal of each face times twice its area, by Newell's method: right for any polygon."""
    following = np.arange(1, len(corners) + 1)
    following[starts[1:] - 1] = starts[:-1]
    following[-1] = starts[-1]
    at = points[corners]
    normals: Array = np.add.reduceat(np.cross(at, at[following]), starts)
    return normals


def vertex_normals(vertices: int, corners: Array, per_corner: Array) -> Array:
    """Unit normal of each vertex: its faces' normals, weighted by area."""
    sums = [np.bincount(corners, weights=axis, minlength=vertices) for axis in per_corner.T]
    normals: Array = np.stack(sums, axis=1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    np.divide(normals, lengths, out=normals, where=lengths > 0)
    return normals


def box(points: Array) -> str:
    """Bounding box as text."""
    low, high = points.min(axis=0), points.max(axis=0)
    return " x ".join(f"{a:.3f}..{b:.3f}" for a, b in zip(low, high, strict=True))


def face_starts(scene: SharedSceneBuffer) -> Array:
    """Where the corners of each face start, which is what reduceat wants; USD's way of saying it is sizes."""
    if "face_start" in scene:
        return np.asarray(scene["face_start"])
    sizes = np.asarray(scene["face_size"])
    starts: Array = np.cumsum(sizes) - sizes
    return starts


def geometry_facts(scene: SharedSceneBuffer) -> list[str]:
    """Bounding box and normals of a mesh."""
    points, corners = np.asarray(scene["position"]), np.asarray(scene["corner_vert"])
    starts = face_starts(scene)
    lines = [f"{len(points):,} vertices, {len(starts):,} faces, bounding box {box(points)}"]
    start = time.perf_counter()
    faces = face_normals(points, corners, starts)
    area = np.linalg.norm(faces, axis=1).sum(dtype=np.float64) / 2
    sizes = np.diff(starts, append=len(corners))
    mean = vertex_normals(len(points), corners, np.repeat(faces, sizes, axis=0)).mean(axis=0)
    seconds = time.perf_counter() - start
    lines.append(f"surface {area:.2f}, mean vertex normal {np.round(mean, 3).tolist()}, normals took {seconds:.2f} s")
    return lines


def cache_facts(scene: SharedSceneBuffer) -> list[str]:
    """Extent and largest motion of an animation cache."""
    frames = np.asarray(scene["position"])
    steps = [float(np.abs(b - a).max()) for a, b in pairwise(frames)]
    return [
        f"{frames.shape[0]} frames of {frames.shape[1]:,} points, bounding box {box(frames.reshape(-1, 3))}",
        f"largest motion from one frame to the next {max(steps):.3f}",
    ]


def plain_facts(scene: SharedSceneBuffer) -> list[str]:
    """Type, shape and mean of whatever arrays there are."""
    arrays = ((name, np.asarray(scene[name])) for name in scene)
    return [f"{name}: {a.dtype} {a.shape}, mean {a.mean(dtype=np.float64):.4f}" for name, a in arrays]


def facts(scene: SharedSceneBuffer) -> list[str]:
    """What can be said of a scene, by its kind."""
    if scene.kind == SceneDataKind.Geometry:
        return geometry_facts(scene)
    if scene.kind == SceneDataKind.AnimationCache:
        return cache_facts(scene)
    return plain_facts(scene)


def consume(descriptor: str) -> dict[str, Any]:
    """Map one scene, check it, compute on it."""
    before, start = anonymous_bytes(), time.perf_counter()
    scene = SharedSceneBuffer.from_descriptor_json(descriptor)
    views = {name: scene[name] for name in scene}
    open_ms = (time.perf_counter() - start) * 1000
    # Reads every byte, so pages that were copied and not shared would show.
    checksums = {name: zlib.crc32(view) for name, view in views.items()}
    private = anonymous_bytes() - before
    return {
        "name": scene.name,
        "checksums": checksums,
        "size_bytes": scene.size_bytes,
        "private_bytes": private,
        "open_ms": open_ms,
        "facts": facts(scene),
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(consume(line)), flush=True)
