"""Meshes out of Blender and into it, in shared memory and by what there is besides."""

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import bpy
import gpu
import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, blender
from dcc_mcp_shm.blender import layers
from dcc_mcp_shm.mesh import put
from numpy.typing import NDArray
from rounds import interleave, progress, quick
from tables import requirement, table, time_text

SIDE = 100 if quick() else 1000
ROUNDS = 1 if quick() else 5
FULL_HD = (1920, 1080)
MOST_BESIDES = 0.05
SLOWEST_READ = 1.5
# The first Blender that draws without a window.
DRAWS = (5, 2, 0)

OURS, PLY, USD, GLB, LISTS = "dcc_mcp_shm", "PLY", "USD", "GLB", "lists in JSON"
PLY_FROMBUFFER = "PLY, read by np.frombuffer"
SAME, OTHER, USD_IMPORT, PYDATA = "apply, the same faces", "apply, other faces", "USD import", "from_pydata"
SHARE, BARE = "share", "its calls of Blender and of the memory"
SHARED_PIXELS, OWN_PIXELS = "into a new scene", "into memory of Blender's own"

OUT = """\
## From Blender to NumPy in another process

The mesh with normals and UVs, until another process has looked at every number of its arrays once. Files are in tmpfs.
Blender's exporters write them. The other process reads PLY and GLB by trimesh, with `process=False`, and USD by `pxr`;
PLY once more by `np.frombuffer`, which no loader is faster than."""

IN = """\
## From NumPy to an object in Blender

The mesh with its UVs is already there: in shared memory for `apply`, as a file in tmpfs for the USD import, as arrays
for `from_pydata`, which takes them as lists, the faster way. With the same faces, all points have moved."""

SHARE_TEXT = """\
## What share does besides

`share` against the same calls without it: `to_mesh`, a `SharedSceneBuffer.writer`, and filling its arrays, nearly all
of them by `foreach_get`."""

VIEWPORT = """\
## The viewport

Reading 1920 by 1080 pixels that were drawn, by `read_color`."""


class Reader:
    """The other process."""

    def __init__(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-P", str(Path(__file__).with_name("blender_reader.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._line() == "ready"

    def read(self, way: str, where: str) -> None:
        """Have it read a mesh, which must be the grid."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps([way, where]) + "\n")
        self.process.stdin.flush()
        points, largest = json.loads(self._line())
        assert points == SIDE * SIDE
        assert largest == 1

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait() == 0


class Compared(NamedTuple):
    """What a way took, and how many times as long as ours it should take."""

    what: str
    seconds: dict[str, list[float]]
    ours: str
    goals: dict[str, float]

    def ratio(self, way: str) -> float:
        """How many times as long as ours."""
        return statistics.median(self.seconds[way]) / statistics.median(self.seconds[self.ours])

    def table(self) -> str:
        """A line for each way."""
        lines = [
            [f"**{way}**" if way == self.ours else way, time_text(seconds), f"{self.ratio(way):.1f}"]
            for way, seconds in self.seconds.items()
        ]
        return table(["way", "time", "times ours"], lines)

    def requirements(self) -> list[list[str]]:
        """A line for each goal."""
        return [
            requirement(
                f"{self.what}, against {way}",
                f"{goal:g} times as fast",
                f"{self.ratio(way):.1f}",
                met=self.ratio(way) >= goal,
            )
            for way, goal in self.goals.items()
        ]


def grid() -> bpy.types.Object:
    """A grid with UVs, alone in the file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=SIDE - 1, y_subdivisions=SIDE - 1, calc_uvs=True)
    return bpy.context.object


def seconds_since(start: float) -> float:
    """Of wall time."""
    return time.perf_counter() - start


def as_lists(obj: bpy.types.Object) -> dict[str, Any]:
    """What code without NumPy makes of a mesh."""
    mesh = obj.data
    return {
        "position": [tuple(vertex.co) for vertex in mesh.vertices],
        "corner_vert": [tuple(face.vertices) for face in mesh.polygons],
        "normal": [tuple(normal.vector) for normal in mesh.corner_normals],
        "uv": [tuple(uv.vector) for uv in mesh.uv_layers[0].uv],
    }


def out_of_blender(obj: bpy.types.Object, folder: Path) -> Compared:
    """Seconds until another process has the mesh."""
    reader = Reader()
    file = folder / "mesh"

    def ours() -> float:
        start = time.perf_counter()
        (scene,) = blender.share(obj, "bench/mesh")
        reader.read("shared", "bench/mesh")
        seconds = seconds_since(start)
        scene.unlink()
        return seconds

    def ply(reads: str) -> float:
        start = time.perf_counter()
        bpy.ops.wm.ply_export(filepath=f"{file}.ply", export_normals=True, export_uv=True)
        reader.read(reads, f"{file}.ply")
        return seconds_since(start)

    def usd() -> float:
        start = time.perf_counter()
        bpy.ops.wm.usd_export(filepath=f"{file}.usdc")
        reader.read("usd", f"{file}.usdc")
        return seconds_since(start)

    def glb() -> float:
        start = time.perf_counter()
        bpy.ops.export_scene.gltf(filepath=f"{file}.glb", export_format="GLB")
        reader.read("trimesh", f"{file}.glb")
        return seconds_since(start)

    def lists() -> float:
        start = time.perf_counter()
        Path(f"{file}.json").write_text(json.dumps(as_lists(obj)))
        reader.read("lists", f"{file}.json")
        return seconds_since(start)

    ways = {
        OURS: ours,
        PLY: lambda: ply("trimesh"),
        PLY_FROMBUFFER: lambda: ply("ply"),
        USD: usd,
        GLB: glb,
        LISTS: lists,
    }
    for way in ways.values():
        way()  # what is loaded with the first one
    seconds = interleave(ways, ROUNDS)
    reader.close()
    return Compared("out of Blender", seconds, OURS, {PLY: 10, USD: 10, GLB: 100, LISTS: 50})


def into_blender(obj: bpy.types.Object, folder: Path) -> list[Compared]:
    """Seconds until Blender has the mesh."""
    file = str(folder / "mesh.usdc")
    bpy.ops.wm.usd_export(filepath=file)
    # Whose faces change, while those of the other object stay.
    changing = obj.copy()
    changing.data = obj.data.copy()
    bpy.context.collection.objects.link(changing)
    scene, changing_scene = blender.share([obj, changing], "bench")
    kept = (obj, changing)
    # In this process, as nothing of it may be Blender's.
    arrays: dict[str, NDArray[Any]] = {name: np.array(scene[name]) for name in scene}
    moves, first_corners = itertools.count(1), itertools.cycle((1, 2, 3))

    def same() -> float:
        put("bench/mesh", arrays | {"position": arrays["position"] + np.float32(next(moves))}, like=scene)
        start = time.perf_counter()
        applied = blender.apply("bench/mesh")
        seconds = seconds_since(start)
        assert (applied.object, applied.said) == (obj, ("points",))
        return seconds

    def other() -> float:
        # Each face begins with another corner than before.
        first = next(first_corners)
        mesh = arrays | {
            name: np.roll(arrays[name].reshape(-1, 4, columns), first, 1).reshape(arrays[name].shape)
            for name, columns in {"corner_vert": 1, "normal": 3, "uv:UVMap": 2}.items()
        }
        put("bench/mesh", mesh, like=changing_scene)
        before = changing.data
        start = time.perf_counter()
        applied = blender.apply("bench/mesh")
        seconds = seconds_since(start)
        assert applied.object == changing
        assert changing.data != before
        tidy(kept)
        return seconds

    def usd() -> float:
        start = time.perf_counter()
        bpy.ops.wm.usd_import(filepath=file)
        seconds = seconds_since(start)
        assert len(bpy.data.objects) > len(kept)
        tidy(kept)
        return seconds

    def pydata() -> float:
        start = time.perf_counter()
        mesh = bpy.data.meshes.new("made")
        mesh.from_pydata(arrays["position"].tolist(), [], arrays["corner_vert"].reshape(-1, 4).tolist())
        mesh.uv_layers.new(name="UVMap", do_init=False).uv.foreach_set("vector", arrays["uv:UVMap"].reshape(-1))
        made = bpy.data.objects.new("made", mesh)
        bpy.context.collection.objects.link(made)
        seconds = seconds_since(start)
        tidy(kept)
        return seconds

    methods = {SAME: same, OTHER: other, USD_IMPORT: usd, PYDATA: pydata}
    for method in methods.values():
        method()
    seconds = interleave(methods, ROUNDS)
    return [
        Compared(
            "the same faces, into Blender",
            {way: seconds[way] for way in (SAME, USD_IMPORT, PYDATA)},
            SAME,
            {USD_IMPORT: 100},
        ),
        Compared(
            "other faces, into Blender",
            {way: seconds[way] for way in (OTHER, USD_IMPORT, PYDATA)},
            OTHER,
            {USD_IMPORT: 10, PYDATA: 10},
        ),
    ]


def tidy(kept: tuple[bpy.types.Object, ...]) -> None:
    """Leave these objects alone in the file, and what they use."""
    for other in [other for other in bpy.data.objects if other not in kept]:
        bpy.data.objects.remove(other)
    bpy.data.orphans_purge(do_recursive=True)


def share_besides(obj: bpy.types.Object) -> tuple[dict[str, list[float]], list[str]]:
    """What `share` takes, and what its calls of Blender and of the memory take alone; and the line of its goal."""

    def share() -> float:
        start = time.perf_counter()
        (scene,) = blender.share(obj, "bench/mesh")
        seconds = seconds_since(start)
        scene.unlink()
        return seconds

    def bare() -> float:
        start = time.perf_counter()
        evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        points, corners, faces = len(mesh.vertices), len(mesh.loops), len(mesh.polygons)
        layout: dict[str, tuple[str, int | tuple[int, int]]] = {
            "position": ("f4", (points, 3)),
            "corner_vert": ("i4", corners),
            "face_start": ("i4", faces),
            "normal": ("f4", (corners, 3)),
            "uv:UVMap": ("f4", (corners, 2)),
        }
        with SharedSceneBuffer.writer(layout, name="bench/mesh", replace=True) as w:
            mesh.attributes["position"].data.foreach_get("vector", w["position"])
            mesh.attributes[".corner_vert"].data.foreach_get("value", w["corner_vert"])
            w["face_start"] = layers.face_starts(mesh.polygons)
            mesh.corner_normals.foreach_get("vector", w["normal"])
            mesh.uv_layers[0].uv.foreach_get("vector", w["uv:UVMap"])
        evaluated.to_mesh_clear()
        seconds = seconds_since(start)
        w.scene.unlink()
        return seconds

    seconds = interleave({SHARE: share, BARE: bare}, ROUNDS if quick() else 3 * ROUNDS)
    besides = 1 - statistics.median(seconds[BARE]) / statistics.median(seconds[SHARE])
    return seconds, requirement(
        "share, besides Blender and the memory", "under 5 %", f"{besides:.1%}", met=besides < MOST_BESIDES
    )


def viewport() -> tuple[dict[str, list[float]], list[str]]:
    """Reading of pixels that were drawn; nothing where this Blender does not draw without a window."""
    goal = ("viewport into shared memory, by Blender's own", "at most 1.5 times as long")
    if bpy.app.version < DRAWS:
        return {}, [*goal, "not run: this Blender draws in a window only", ""]
    gpu.init()
    bpy.ops.wm.read_factory_settings(use_empty=False)
    area = next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    space = area.spaces.active
    width, height = FULL_HD
    drawing = gpu.types.GPUOffScreen(width, height)
    view = space.region_3d
    drawing.draw_view3d(bpy.context.scene, bpy.context.view_layer, space, region, view.view_matrix, view.window_matrix)

    def read(target: Any = None) -> None:  # noqa: ANN401 (a buffer)
        with drawing.bind():
            frame = gpu.state.active_framebuffer_get()
            frame.read_color(0, 0, width, height, 4, 0, "UBYTE", **({"data": target} if target else {}))

    def shared_pixels() -> float:
        start = time.perf_counter()
        with SharedSceneBuffer.writer({"pixels": ("u1", (height, width, 4))}) as w:
            read(gpu.types.Buffer("UBYTE", width * height * 4, w["pixels"]))
        seconds = seconds_since(start)
        w.scene.unlink()
        return seconds

    def own_pixels() -> float:
        start = time.perf_counter()
        read()
        return seconds_since(start)

    read()
    seconds = interleave({SHARED_PIXELS: shared_pixels, OWN_PIXELS: own_pixels}, ROUNDS if quick() else 3 * ROUNDS)
    drawing.free()
    ratio = statistics.median(seconds[SHARED_PIXELS]) / statistics.median(seconds[OWN_PIXELS])
    return seconds, requirement(*goal, f"{ratio:.2f}", met=ratio <= SLOWEST_READ)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in tmpfs."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def sections() -> list[str]:
    """The goals, and what they are found by."""
    obj = grid()
    progress("out of Blender")
    with in_memory() as folder:
        out = out_of_blender(obj, folder)
    progress("into Blender")
    with in_memory() as folder:
        same, other = into_blender(obj, folder)
    progress("share")
    shares, share_goal = share_besides(grid())
    progress("viewport")
    pixels, viewport_goal = viewport()
    goals = [*out.requirements(), *same.requirements(), *other.requirements(), share_goal, viewport_goal]
    times = table(["", "time"], [[what, time_text(seconds)] for what, seconds in shares.items()])
    return [
        "## Goals",
        table(["what", "goal", "found", "met"], goals),
        OUT,
        out.table(),
        IN,
        same.table(),
        other.table(),
        SHARE_TEXT,
        times,
        *([VIEWPORT, table(["", "time"], [[what, time_text(s)] for what, s in pixels.items()])] if pixels else []),
    ]
