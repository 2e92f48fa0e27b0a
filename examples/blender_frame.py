"""Render a frame with Blender and share its pixels.

`python examples/blender_frame.py` needs `bpy` from PyPI; run with bpy 5.0.1.
"""

import bpy
from dcc_mcp_shm import SharedSceneBuffer, blender


def export_frame(name: str, group: str | None = None) -> SharedSceneBuffer:
    """Render the current frame with the scene's own settings and share `pixels` (height, width, 4)."""
    bpy.ops.render.render()
    return blender.share_render(name, group=group)


if __name__ == "__main__":
    if bpy.app.background:  # a new file: a cube, a light and a camera
        scene = bpy.context.scene
        scene.render.engine = "CYCLES"
        scene.cycles.samples = 1
        scene.render.resolution_x, scene.render.resolution_y = 320, 180
    print(export_frame("example/frame").descriptor_json())
