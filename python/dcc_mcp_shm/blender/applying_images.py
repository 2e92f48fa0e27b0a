"""Shared images back into Blender: into the image that they are of, or a new one."""

import dataclasses
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity
from dcc_mcp_shm.blender.images import (
    COLOR_SPACE,
    DATA,
    FIRST_ROW,
    PREMULTIPLIED,
    WITH_ALPHA,
    color_space,
    not_single,
    without_pixels,
    working_space,
)

SRGB = "sRGB"
RGB, RGBA = 3, 4
CHANNELS = {1, RGB, RGBA}
LONGEST_EDGE = 1 << 16
# What other programs call these.
OTHER_NAMES = {"linear": "scene_linear", "raw": DATA, "data": DATA}


class ImageError(ValueError):
    """The data is not that of an image, or of one that Blender can take; the message says why."""


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """What a buffer has, checked.

    Attributes:
        pixels: u1 or f4 (height, width, 1, 3 or 4), finite, the bottom row first.
        color_space: one of Blender's, if the data says it.
        is_premultiplied: whether colours are multiplied by alpha, if the data says it.
    """

    pixels: NDArray[Any]
    color_space: str | None
    is_premultiplied: bool | None

    @property
    def is_float(self) -> bool:
        """Whether it can have more than 256 values."""
        return self.pixels.dtype != np.uint8

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width, _ = self.pixels.shape
        return width, height

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.pixels.shape[-1] == RGBA


def apply_image(
    buffer: str | SharedSceneBuffer, image: bpy.types.Image | None = None, *, store: Store | None = None
) -> bpy.types.Image:
    """Bring a shared picture into Blender, as one step of undo. To be called on Blender's main thread.

    The image that the picture was shared from gets its pixels, and its size if that differs. If there is none in this
    file, or it cannot hold them, the picture becomes a new image, which is kept although nothing uses it yet.

    The data is `pixels`, uint8 or float (height, width) or (height, width, 1, 3 or 4). The attribute `firstRow` says
    whether the first row is the `"top"`, as without it, or the `"bottom"`; `colorSpace` what the numbers mean (without
    it, uint8 is sRGB and float linear); `premultipliedAlpha` whether colours are multiplied by alpha (without it,
    linear ones are). Linear numbers and float data make a float image, all others one of 8 bits.

    What has no file of its own is packed, so that it is saved with the file of Blender. What has one is left modified,
    as after painting: Image > Save, or `image.save()`, writes it.

    Args:
        buffer: id, unique name, descriptor, or an open scene.
        image: the image that gets the pixels, instead of the one that the picture was shared from.
        store: another than the default one.

    Returns:
        The image that has the pixels now.

    Raises:
        ImageError: the data is not that of an image, has numbers that are not finite, or an attribute means nothing.
            Nothing was changed.
        ValueError: `image` cannot hold the pixels; the message says why. Nothing was changed.
        RuntimeError: Blender renders now.
        NotFound: there is no such buffer.
    """
    raise NotImplementedError
