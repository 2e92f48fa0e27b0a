"""The demo's real DCC: a headless Blender that publishes a mesh, an animation cache and a rendered frame, and exits.

    python blender_producer.py GROUP

Progress goes to stderr. stdout gets one JSON object: {"scenes": [{"name", "id", "checksums": {array: crc32}}],
"seconds": {scene: seconds}}.
"""

import json
import os
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Blender prints to stdout what it saves: from here on to stderr, and stdout is for the result.
result = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import bpy  # noqa: E402
from blender_cache import export_cache  # noqa: E402
from blender_frame import export_frame  # noqa: E402
from dcc_mcp_shm import SharedSceneBuffer, blender  # noqa: E402
from dcc_mcp_shm.blender.session import SOURCE  # noqa: E402


def say(text: str) -> None:
    """Report progress."""
    print(f"    {text}", file=sys.stderr, flush=True)


def set_stage() -> tuple[bpy.types.Object, bpy.types.Object]:
    """Put a rippling surface of a million vertices and one of 262,144 before the camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add = bpy.ops.mesh.primitive_grid_add
    add(x_subdivisions=256, y_subdivisions=256, size=8)
    mesh = bpy.context.object
    mesh.modifiers.new("Wave", "WAVE").height = 0.3
    subdivision = mesh.modifiers.new("Subdivision", "SUBSURF")
    subdivision.levels, subdivision.render_levels = 2, 1
    add(x_subdivisions=511, y_subdivisions=511, size=8, location=(9, 0, 0))
    cache = bpy.context.object
    cache.modifiers.new("Wave", "WAVE").height = 0.3
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.ops.object.camera_add(location=(4.5, -20, 11), rotation=(1.07, 0, 0))
    scene = bpy.context.scene
    scene.camera = bpy.context.object
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    scene.frame_set(24)
    return mesh, cache


def main(group: str) -> None:
    """Publish the three scenes; say on stdout what they are."""
    say(f"{SOURCE}, headless")
    mesh, cache = set_stage()
    exports: dict[str, Callable[[str], SharedSceneBuffer]] = {
        "demo/mesh": lambda name: blender.share(mesh, name, group=group)[0],
        "demo/cache": lambda name: export_cache(cache, range(1, 25), name, group),
        "demo/frame": lambda name: export_frame(name, group),
    }
    scenes: list[dict[str, Any]] = []
    seconds = {}
    for name, export in exports.items():
        say(f"{name}: Blender is at work")
        start = time.perf_counter()
        scene = export(name)
        seconds[name] = time.perf_counter() - start
        say(f"{name}: {scene.size_bytes:,} bytes evaluated, filled, sealed, {seconds[name]:.2f} s")
        checksums = {array: zlib.crc32(scene[array]) for array in scene}
        scenes.append({"name": name, "id": scene.id, "checksums": checksums})
    json.dump({"scenes": scenes, "seconds": seconds}, result)
    result.close()


if __name__ == "__main__":
    main(sys.argv[1])
