"""Images of Blender in shared memory, and what their numbers mean.

Blender keeps the pixels of a byte image in the colour space that the image says, with straight alpha. Those of a float
image are in the working space whatever the image says, which is then the space of its file, with premultiplied alpha;
but data ("Non-Color") is as it is in both.
"""

from typing import Any

import bpy

from dcc_mcp_shm import SceneWriter, SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity, names
from dcc_mcp_shm.blender.session import SOURCE

DATA = "Non-Color"
# Attributes of a buffer.
COLOR_SPACE, FIRST_ROW, PREMULTIPLIED = "colorSpace", "firstRow", "premultipliedAlpha"
# How alpha can be kept, if it is alpha.
WITH_ALPHA = {"STRAIGHT", "PREMUL"}


def share_image(
    image: bpy.types.Image,
    name: str | None = None,
    *,
    group: str | None = None,
    store: Store | None = None,
) -> SharedSceneBuffer:
    """Share the pixels of an image as it is now, with what was painted and not saved.

    The array `pixels` is float32 (height, width, channels), as Blender hands them out, and its first row is the bottom
    one. The attributes say the colour space, whether colours are multiplied by alpha, and which image it is, by which
    `apply_image` finds it. A name is taken over from an earlier share.

    Args:
        image: a single image: no movie, sequence or tiles.
        name: of the buffer; that of the image if it is left out.
        group: of the buffer.
        store: another than the default one.

    Raises:
        ValueError: the image has no pixels or is of several images, or its name is one that a buffer cannot have.
        StoreFull: not enough memory is free.
    """
    name = image.name if name is None else name
    names.check(name)
    obstacle = problem(image)
    if obstacle:
        raise ValueError(f"{image.name!r} {obstacle}")
    return publish(image, name, attrs=identity.of(image), group=group, store=store)


def publish(
    image: bpy.types.Image, name: str, *, attrs: dict[str, Any], group: str | None, store: Store | None
) -> SharedSceneBuffer:
    """Share an image that has pixels, with attributes beside those of every image."""
    width, height = image.size
    is_alpha = image.channels == 4 and image.alpha_mode in WITH_ALPHA and not image.colorspace_settings.is_data  # noqa: PLR2004 (RGBA)
    meaning = {COLOR_SPACE: color_space(image), **({PREMULTIPLIED: image.is_float} if is_alpha else {})}
    shape = (height, width, image.channels)
    with writer(name, "f4", shape, attrs=meaning | attrs, group=group, store=store) as w:
        image.pixels.foreach_get(w["pixels"])
    return w.scene


def writer(
    name: str,
    dtype: str,
    shape: tuple[int, int, int],
    *,
    attrs: dict[str, Any],
    group: str | None,
    store: Store | None,
) -> SceneWriter:
    """A scene to fill with `pixels` of (height, width, channels), of which Blender gives the bottom row first."""
    height, width, _ = shape
    return SharedSceneBuffer.writer(
        {"pixels": (dtype, shape, "frame")},
        kind="Screenshot",
        source_dcc=SOURCE,
        name=name,
        replace=True,
        group=group,
        attrs={"width": width, "height": height, FIRST_ROW: "bottom", **attrs},
        store=store,
    )


def problem(image: bpy.types.Image) -> str | None:
    """Why Blender does not give all of its pixels, if so."""
    # Asking for its size loads it, and its type is known then.
    has_pixels = 0 not in image.size and image.has_data
    obstacles = [
        (image.type == "RENDER_RESULT", "is what was rendered: share_render() shares it"),
        (image.type == "MULTILAYER", "has several layers: save the one that you mean as an image of its own"),
        (image.source == "MOVIE", "is a movie: open the frame as a single image"),
        (image.source == "SEQUENCE", "is a sequence: open the frame as a single image"),
        (image.source == "TILED", "has tiles (UDIM): open the tile as a single image"),
        (image.is_stereo_3d, "is stereoscopic: save the view that you mean as an image of its own"),
        # Without a window it is all black.
        (image.source == "VIEWER" and bpy.app.background, "is filled by the compositor of a Blender with a window"),
        (not has_pixels, f"has no pixels: its file cannot be read ({image.filepath!r})"),
    ]
    return next((why for is_so, why in obstacles if is_so), None)


def color_space(image: bpy.types.Image) -> str:
    """What the numbers of its pixels mean."""
    settings = image.colorspace_settings
    if settings.is_data:
        return DATA
    return working_space() if image.is_float else str(settings.name)


def working_space() -> str:
    """The colour space that Blender renders in."""
    # Before Blender 5.0 a file has no say in it.
    settings = getattr(bpy.data, "colorspace", None)
    return str(settings.working_space) if settings else "Linear Rec.709"
