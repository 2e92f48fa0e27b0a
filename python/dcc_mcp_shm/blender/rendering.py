"""What was rendered, in shared memory."""

import contextlib
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bpy

from dcc_mcp_shm import SharedSceneBuffer, Store, StoreFull
from dcc_mcp_shm.blender import images, names

# As they are in the header of an EXR file.
DATA_WINDOW = re.compile(rb"dataWindow\0box2i\0....(.{16})", re.DOTALL)
FRAME = re.compile(rb"Frame\0string\0....(-?\d+)", re.DOTALL)
HEADER_BYTES = 1 << 16
PIXEL_BYTES = 16
MEMORY = "/dev/shm"  # noqa: S108 (a private directory is made in it)


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
    with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
        file = Path(memory, "frame.exr")
        with _plain_exr(scene.render.image_settings):
            try:
                result.save_render(str(file), scene=scene)
            except RuntimeError as error:
                raise RuntimeError(
                    f"Blender does not give the render of the scene {scene.name!r} ({str(error).strip()}): if there is"
                    " none yet, render first, with F12 or bpy.ops.render.render()"
                ) from error
        with file.open("rb") as opened:
            header = opened.read(HEADER_BYTES)
        # Blender says nothing when a file is cut off, and ends with a segmentation fault when it loads it.
        if not _is_whole(header, file.stat().st_size):
            raise StoreFull(f"{MEMORY} has no room for the frame as a plain file: delete what is not needed")
        frame = FRAME.search(header)
        image = bpy.data.images.load(str(file))
        try:
            attrs = {"frame": int(frame[1])} if frame else {}
            return images.publish(image, name, attrs=attrs, group=group, store=store)
        finally:
            bpy.data.images.remove(image)


def _is_whole(header: bytes, size: int) -> bool:
    """Whether a file of this size has all pixels that its header says."""
    window = DATA_WINDOW.search(header)
    if not window:
        return False
    left, top, right, bottom = struct.unpack("<4i", window[1])
    return bool(size > (right - left + 1) * (bottom - top + 1) * PIXEL_BYTES)


@contextlib.contextmanager
def _plain_exr(settings: bpy.types.ImageFormatSettings) -> Iterator[None]:
    """Settings for all that was rendered and no compression, which are the user's again when the block ends."""
    # In this order, since each of the first says what the next may be.
    plain = {
        "media_type": "IMAGE",
        "file_format": "OPEN_EXR",
        "color_mode": "RGBA",
        "color_depth": "16",
        "color_management": "FOLLOW_SCENE",
    }
    if not hasattr(settings, "media_type"):  # new in Blender 5.0
        del plain["media_type"]
    # The stack sets from the last to the first, and each even if another fails.
    with contextlib.ExitStack() as before:
        for name in reversed(plain):
            before.callback(setattr, settings, name, getattr(settings, name))
        for name, value in plain.items():
            setattr(settings, name, value)
        # Only with this depth Blender has all codecs.
        before.callback(setattr, settings, "exr_codec", settings.exr_codec)
        before.callback(setattr, settings, "color_depth", "16")
        settings.color_depth, settings.exr_codec = "32", "NONE"
        yield
