"""Render a frame with Blender and publish its pixels.

    python examples/blender_frame.py       (needs `bpy` from PyPI; run with bpy 5.0.1)

Without a window Blender lets nobody see the pixels of its render result, so the frame takes the way over an
uncompressed file in memory. From there on it is one copy.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bpy
from dcc_mcp_shm import SharedSceneBuffer
from dcc_mcp_shm.blender.session import SOURCE


def export_frame(name: str, group: str | None = None) -> SharedSceneBuffer:
    """Render the current frame with the scene's own settings and publish `pixels` (height, width, 4).

    They are float32 RGBA, premultiplied, scene-linear, and as everywhere in Blender the bottom row is the first.
    """
    scene = bpy.context.scene
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        file = str(Path(memory, "frame.exr"))
        plain = {"file_format": "OPEN_EXR", "color_mode": "RGBA", "color_depth": "32", "exr_codec": "NONE"}
        with changed(scene.render, filepath=file), changed(scene.render.image_settings, **plain):
            bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(file)
        width, height = image.size
        with SharedSceneBuffer.writer(
            {"pixels": ("f4", (height, width, 4), "frame")},
            kind="Screenshot",
            source_dcc=SOURCE,
            name=name,
            replace=True,
            group=group,
            attrs={
                "width": width,
                "height": height,
                "colorSpace": image.colorspace_settings.name,
                "firstRow": "bottom",
                "frame": scene.frame_current,
            },
        ) as w:
            image.pixels.foreach_get(w["pixels"])
        bpy.data.images.remove(image)
    return w.scene


@contextlib.contextmanager
def changed(settings: bpy.types.bpy_struct, **values: str) -> Iterator[None]:
    """Settings that are as they were when the block ends."""
    before = {name: getattr(settings, name) for name in values}
    try:
        for name, value in values.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


if __name__ == "__main__":
    if bpy.app.background:  # a new file: a cube, a light and a camera
        scene = bpy.context.scene
        scene.render.engine = "CYCLES"
        scene.cycles.samples = 1
        scene.render.resolution_x, scene.render.resolution_y = 320, 180
    print(export_frame("example/frame").descriptor_json())
