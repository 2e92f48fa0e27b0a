"""Export a frame range of an evaluated Blender mesh as an animation cache, each frame written in place.

python examples/blender_cache.py       (needs `bpy` from PyPI; run with bpy 5.0.1)
"""

import bpy
import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from dcc_mcp_shm.blender.session import SOURCE
from dcc_mcp_shm.blender.space import stage, usd_transform


def export_cache(obj: bpy.types.Object, frames: range, name: str, group: str | None = None) -> SharedSceneBuffer:
    """Publish `position` (frames, points, 3) and `transform` (frames, 4, 4) of `obj` after its modifiers.

    Each transform is that of its frame, object to world, for row vectors as in USD.

    Raises:
        ValueError: the number of points changes on the way. As after every exception, nothing was published.
    """
    scene = bpy.context.scene
    points = len(evaluate(obj).to_mesh().vertices)
    before = scene.frame_current
    try:
        with SharedSceneBuffer.writer(
            {"position": ("f4", (len(frames), points, 3), "frame"), "transform": ("f4", (len(frames), 4, 4), "frame")},
            kind="AnimationCache",
            source_dcc=SOURCE,
            name=name,
            replace=True,
            group=group,
            attrs=stage(scene) | {"startTimeCode": frames[0], "endTimeCode": frames[-1], "timeCodeStep": frames.step},
        ) as w:
            # The shared memory with one row a frame: Blender fills only arrays of one dimension.
            positions = np.asarray(w["position"]).reshape(len(frames), -1)
            transforms = np.asarray(w["transform"]).reshape(len(frames), -1)
            for row, frame in enumerate(frames):
                scene.frame_set(frame)
                evaluated = evaluate(obj)
                mesh = evaluated.to_mesh()
                if len(mesh.vertices) != points:
                    raise ValueError(f"{obj.name!r} has {len(mesh.vertices)} points at frame {frame}, not {points}")
                mesh.attributes["position"].data.foreach_get("vector", positions[row])
                transforms[row] = usd_transform(evaluated)
                evaluated.to_mesh_clear()
    finally:
        scene.frame_set(before)
    return w.scene


def evaluate(obj: bpy.types.Object) -> bpy.types.Object:
    """`obj` after its modifiers and drivers, at the current frame."""
    return obj.evaluated_get(bpy.context.evaluated_depsgraph_get())


if __name__ == "__main__":
    if bpy.app.background:  # nobody has selected anything
        bpy.ops.mesh.primitive_grid_add(x_subdivisions=128, y_subdivisions=128)
        bpy.context.object.modifiers.new("Wave", "WAVE")
    print(export_cache(bpy.context.object, range(1, 25), "example/cache").descriptor_json())
