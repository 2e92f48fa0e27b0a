"""The 3D viewport in shared memory."""

from typing import Any

import bpy
import gpu
from mathutils import Matrix

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import images, names
from dcc_mcp_shm.blender.session import SOURCE

WITHOUT_WINDOW = (5, 2, 0)


def share_viewport(
    name: str = "viewport",
    *,
    width: int | None = None,
    height: int | None = None,
    group: str | None = None,
    store: Store | None = None,
) -> SharedSceneBuffer:
    """Share what the 3D viewport shows, drawn anew and read straight into shared memory.

    The array `pixels` is uint8 (height, width, 4): RGBA for the display, the bottom row first. It is drawn with the
    viewport's own shading and overlays. Where the viewport looks through the camera, or where none is open, it is what
    the scene's camera sees.

    Args:
        name: of the buffer, taken over from an earlier share.
        width: in pixels; that of the viewport, or of a render if the camera looks, or in proportion to the height.
        height: likewise. If both are given, more or less is seen at the sides.
        group: of the buffer.
        store: another than the default one.

    Raises:
        RuntimeError: Blender has no window and is older than 5.2, or has neither a viewport nor a camera, or cannot
            draw.
        ValueError: the size or the name is one that there is not.
        StoreFull: not enough memory is free.
    """
    names.check(name)
    if any(edge is not None and edge < 1 for edge in (width, height)):
        raise ValueError(f"an image of {width} by {height} pixels has none: give sizes from 1 on, or none")
    raise NotImplementedError
