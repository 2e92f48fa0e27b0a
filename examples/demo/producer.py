"""The demo's DCC: a NumPy program that fills a mesh and an animation cache in shared memory, and exits.

    python producer.py GROUP

Progress goes to stderr. stdout gets one JSON object: {"scenes": [{"name", "id", "checksums": {array: crc32}}],
"seconds": {scene: seconds}}.
"""

import json
import sys
import time
import zlib
from typing import Any

import numpy as np
from dcc_mcp_shm import SceneWriter, SharedSceneBuffer
from numpy.typing import NDArray

MESH_SIDE = 1024  # 1,048,576 vertices
CACHE_SIDE = 512  # 262,144 points a frame
FRAMES = 24


def heights(side: int, phase: float = 0.0) -> NDArray[np.float32]:
    """A rolling landscape of side by side heights in metres; `phase` moves its waves."""
    x = np.linspace(-4, 4, side, dtype=np.float32)
    surface: NDArray[np.float32] = np.sin(3 * x + phase)[:, None] * np.cos(2 * x)[None, :]
    surface += np.exp(-(x[:, None] ** 2) - x[None, :] ** 2)
    return surface


def fill_grid(points: NDArray[Any], side: int, phase: float = 0.0) -> None:
    """Set side x side points, (n, 3), to a landscape 8 m wide: straight into the memory that `points` is."""
    grid = points.reshape(side, side, 3)
    x = np.linspace(-4, 4, side, dtype=np.float32)
    grid[..., 0] = x[None, :]
    grid[..., 1] = x[:, None]
    grid[..., 2] = heights(side, phase)


def fill_corners(corners: NDArray[Any], side: int) -> None:
    """Set the quads of the grid: each face's four vertices, counter-clockwise."""
    first = np.arange(side * side, dtype=np.int32).reshape(side, side)[:-1, :-1]
    quads = corners.reshape(side - 1, side - 1, 4)
    for corner, step in enumerate((0, 1, side + 1, side)):
        np.add(first, step, out=quads[..., corner])


def fill_uvs(uvs: NDArray[Any], corners: NDArray[Any], side: int) -> None:
    """Set every corner's UV: the grid mapped onto the unit square."""
    np.divide(corners % side, side - 1, out=uvs[:, 0], casting="unsafe")
    np.divide(corners // side, side - 1, out=uvs[:, 1], casting="unsafe")


def checksums(writer: SceneWriter) -> dict[str, int]:
    """CRC-32 of each array as the producer left it."""
    return {name: zlib.crc32(writer[name]) for name in writer.keys()}  # noqa: SIM118 (it is no mapping)


def publish_mesh(group: str) -> dict[str, Any]:
    """Fill and seal the scene `demo/mesh`."""
    side = MESH_SIDE
    faces = (side - 1) ** 2
    with SharedSceneBuffer.writer(
        {
            "position": ("f4", (side * side, 3), "point"),
            "corner_vert": ("i4", 4 * faces, "corner"),
            "face_size": ("i4", faces, "face"),
            "uv": ("f4", (4 * faces, 2), "corner"),
        },
        kind="Geometry",
        source_dcc="NumPy",
        name="demo/mesh",
        group=group,
        attrs={"upAxis": "Z", "metersPerUnit": 1.0},
    ) as w:
        corners = np.asarray(w["corner_vert"])
        fill_grid(np.asarray(w["position"]), side)
        fill_corners(corners, side)
        np.asarray(w["face_size"])[:] = 4
        fill_uvs(np.asarray(w["uv"]), corners, side)
        sums = checksums(w)
    return {"name": "demo/mesh", "id": w.scene.id, "checksums": sums}


def publish_cache(group: str) -> dict[str, Any]:
    """Fill and seal the scene `demo/cache`: one second of the landscape's points in motion."""
    with SharedSceneBuffer.writer(
        {"position": ("f4", (FRAMES, CACHE_SIDE**2, 3), "frame")},
        kind="AnimationCache",
        source_dcc="NumPy",
        name="demo/cache",
        group=group,
        attrs={"upAxis": "Z", "timeCodesPerSecond": FRAMES, "startTimeCode": 1, "endTimeCode": FRAMES},
    ) as w:
        for frame, points in enumerate(np.asarray(w["position"])):
            fill_grid(points, CACHE_SIDE, phase=frame * 2 * np.pi / FRAMES)
        sums = checksums(w)
    return {"name": "demo/cache", "id": w.scene.id, "checksums": sums}


def main(group: str) -> None:
    """Publish both scenes; say on stdout what they are."""
    scenes, seconds = [], {}
    for publish in (publish_mesh, publish_cache):
        start = time.perf_counter()
        scene = publish(group)
        seconds[scene["name"]] = time.perf_counter() - start
        print(f"    {scene['name']}: filled, sealed, {seconds[scene['name']]:.2f} s", file=sys.stderr, flush=True)
        scenes.append(scene)
    json.dump({"scenes": scenes, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
