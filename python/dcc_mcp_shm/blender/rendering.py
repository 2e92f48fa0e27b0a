"""What was rendered, in shared memory."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bpy

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import images, names

# As Blender writes it into the header of an EXR file.
FRAME = re.compile(rb"Frame\0string\0....(-?\d+)", re.DOTALL)
HEADER_BYTES = 1 << 16


def share_render(name: str = "render", *, group: str | None = None, store: Store | None = None) -> SharedSceneBuffer:
    """Share what was rendered last of the scene, without rendering again.

    The array `pixels` is float32 (height, width, 4): RGBA in the working space, premultiplied, the bottom row first.
    The attribute `frame` says which frame was rendered, if Blender has noted it. To render, call
    `bpy.ops.render.render()` before.

    Without a window Blender lets nobody see the pixels of its render result, so they take the way over an uncompressed
    file in memory. From there on it is one copy.

    Args:
        name: of the buffer, taken over from an earlier share.
        group: of the buffer.
        store: another than the default one.

    Raises:
        RuntimeError: nothing was rendered yet, the scene has several views, or Blender renders now.
        ValueError: the name is one that a buffer cannot have.
        StoreFull: not enough memory is free.
    """
    names.check(name)
    if bpy.app.is_job_running("RENDER"):
        raise RuntimeError("Blender is rendering: share the render when it is done")
    scene = bpy.context.scene
    result = next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)
    if result is None:
        raise RuntimeError("nothing was rendered yet: render first, with F12 or bpy.ops.render.render()")
    if scene.render.use_multiview:
        raise RuntimeError(f"the scene {scene.name!r} renders several views: save the one that you mean as an image")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        file = Path(memory, "frame.exr")
        with _plain_exr(scene.render.image_settings):
            try:
                result.save_render(str(file), scene=scene)
            except RuntimeError as error:
                raise RuntimeError(
                    f"Blender does not give the render of the scene {scene.name!r} ({str(error).strip()}): if there is"
                    " none yet, render first, with F12 or bpy.ops.render.render()"
                ) from error
        with file.open("rb") as header:
            frame = FRAME.search(header.read(HEADER_BYTES))
        image = bpy.data.images.load(str(file))
        try:
            attrs = {"frame": int(frame[1])} if frame else {}
            return images.publish(image, name, attrs=attrs, group=group, store=store)
        finally:
            bpy.data.images.remove(image)


@contextlib.contextmanager
def _plain_exr(settings: bpy.types.ImageFormatSettings) -> Iterator[None]:
    """Settings for all that was rendered and no compression, which are the user's again when the block ends."""
    plain = {
        "media_type": "IMAGE",
        "file_format": "OPEN_EXR",
        "color_mode": "RGBA",
        "color_depth": "32",
        "exr_codec": "NONE",
        "color_management": "FOLLOW_SCENE",
    }
    if not hasattr(settings, "media_type"):  # new in Blender 5.0
        del plain["media_type"]
    before = {name: getattr(settings, name) for name in plain}
    try:
        # In this order, since each of the first says what the next may be.
        for name, value in plain.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)
