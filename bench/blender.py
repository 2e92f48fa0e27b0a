"""Meshes and pixels of Blender in shared memory: `make bench-dcc`, which writes docs/blender-benchmark.md.

With DCC_MCP_SHM_BENCH_QUICK set it only shows that all works, and writes nothing.

Blender's `foreach_get` writes an evaluated mesh into a new scene, and into memory of NumPy's that it filled before: the
same pass of Blender's own code, into memory that could not be better.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# ruff: noqa: E402
# Without this folder, or Blender finds the cycles.py that is here where it looks for its own.
folder = sys.path.pop(0)
import bpy

sys.path.insert(0, folder)
import blender_ways
import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from machine import describe
from rounds import MIB, interleave, quick
from tables import table, time_text

PAGE = Path(__file__).resolve().parents[1] / "docs/blender-benchmark.md"
POINTS_A_SIDE = blender_ways.SIDE
ROUNDS = 1 if quick() else 15

IN_PLACE, WARM, COPIED = "into a new scene", "into NumPy's memory", "into NumPy's memory, then a scene of it"

Fill = Callable[[Any], None]

INTRODUCTION = f"""\
# Meshes and pixels of Blender

Printed by `make bench-dcc`; do not edit. A grid of {POINTS_A_SIDE:,} by {POINTS_A_SIDE:,} points, headless. Every
figure is the median of {blender_ways.ROUNDS} rounds, or {ROUNDS} from *What share does besides* on, with the quartiles
in brackets; the methods take turns."""

FILLING = """\
## Each array

*Into a new scene* is Blender's `foreach_get` with an array of `SharedSceneBuffer.writer`, for a grid that a modifier
moves; *into NumPy's memory* is the same with an array that Blender filled before, which is the least it can take."""

WHOLE = """\
## The whole scene

Made, filled with all of the above, sealed and published; and what of that time is Blender's own code filling it. The
rest is the kernel's part where it is filled in place: taking memory, and ending the right to write."""


def evaluated_mesh() -> bpy.types.Mesh:
    """The grid after its modifier."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=POINTS_A_SIDE - 1, y_subdivisions=POINTS_A_SIDE - 1)
    bpy.context.object.modifiers.new("Wave", "WAVE").height = 0.4
    return bpy.context.object.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()


def passes(mesh: bpy.types.Mesh) -> dict[str, tuple[str, tuple[int, ...], Fill]]:
    """Type, shape and filling of each array."""
    points, corners = len(mesh.vertices), len(mesh.loops)
    position, corner_vert = mesh.attributes["position"].data, mesh.attributes[".corner_vert"].data
    return {
        "position": ("f4", (points, 3), lambda target: position.foreach_get("vector", target)),
        "corner_vert": ("i4", (corners,), lambda target: corner_vert.foreach_get("value", target)),
        "normal": ("f4", (corners, 3), lambda target: mesh.corner_normals.foreach_get("vector", target)),
    }


def timed(fill: Fill, target: Any) -> float:  # noqa: ANN401 (a view or an array)
    """Seconds of one pass."""
    start = time.perf_counter()
    fill(target)
    return time.perf_counter() - start


def measure_array(dtype: str, shape: tuple[int, ...], fill: Fill) -> dict[str, list[float]]:
    """Seconds of the pass alone, by where it goes."""
    warm = np.zeros(int(np.prod(shape)), dtype)

    def in_place() -> float:
        with SharedSceneBuffer.writer({"data": (dtype, shape)}) as w:
            seconds = timed(fill, w["data"])
        assert np.array_equal(np.asarray(w.scene["data"]).ravel(), warm)
        w.scene.unlink()
        return seconds

    timed(fill, warm)
    return interleave({WARM: lambda: timed(fill, warm), IN_PLACE: in_place}, ROUNDS)


def measure_whole(arrays: dict[str, tuple[str, tuple[int, ...], Fill]]) -> list[list[str]]:
    """Lines of the table: making a scene of all arrays, in place and by way of NumPy."""
    warm = {name: np.zeros(shape, dtype) for name, (dtype, shape, _) in arrays.items()}
    of_blender: dict[str, list[float]] = {IN_PLACE: [], COPIED: []}

    def in_place() -> float:
        start = time.perf_counter()
        with SharedSceneBuffer.writer({name: spec[:2] for name, spec in arrays.items()}, kind="Geometry") as w:
            of_blender[IN_PLACE].append(sum(timed(fill, w[name]) for name, (_, _, fill) in arrays.items()))
        seconds = time.perf_counter() - start
        w.scene.unlink()
        return seconds

    def copied() -> float:
        start = time.perf_counter()
        of_blender[COPIED].append(sum(timed(fill, warm[name].ravel()) for name, (_, _, fill) in arrays.items()))
        scene = SharedSceneBuffer.write_arrays(warm, kind="Geometry")
        seconds = time.perf_counter() - start
        scene.unlink()
        return seconds

    whole = interleave({IN_PLACE: in_place, COPIED: copied}, ROUNDS)
    shares = {how: statistics.median(of_blender[how]) / statistics.median(whole[how]) for how in whole}
    return [[how, time_text(whole[how]), time_text(of_blender[how]), f"{shares[how]:.0%}"] for how in whole]


def main() -> None:
    """Measure, and write the page."""
    machine = describe("bpy", "numpy", "trimesh", "dcc-mcp-shm")
    ways = blender_ways.sections()
    arrays = passes(evaluated_mesh())
    lines = []
    for name, (dtype, shape, fill) in arrays.items():
        seconds = measure_array(dtype, shape, fill)
        ratio = statistics.median(seconds[IN_PLACE]) / statistics.median(seconds[WARM])
        size = np.prod(shape) * np.dtype(dtype).itemsize / MIB
        lines.append([name, f"{size:.1f} MiB", time_text(seconds[IN_PLACE]), time_text(seconds[WARM]), f"{ratio:.2f}"])
    parts = [
        INTRODUCTION,
        *ways,
        FILLING,
        table(["array", "size", IN_PLACE, WARM, "ratio"], lines),
        WHOLE,
        table(["how", "time", "Blender's part", "share"], measure_whole(arrays)),
        "## Machine",
        table(["", ""], ([name, value] for name, value in machine.items())),
    ]
    page = "\n\n".join(parts) + "\n"
    if not quick():
        PAGE.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
