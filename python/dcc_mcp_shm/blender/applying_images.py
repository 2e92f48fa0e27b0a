"""Shared images back into Blender: into the image that they are of, or a new one."""

import dataclasses
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import identity, undoing
from dcc_mcp_shm.blender.images import (
    COLOR_SPACE,
    DATA,
    FIRST_ROW,
    PREMULTIPLIED,
    WITH_ALPHA,
    color_space,
    problem,
    working_space,
)

SRGB = "sRGB"
RGB, RGBA = 3, 4
CHANNELS = {1, RGB, RGBA}
LONGEST_EDGE = 1 << 16
# What other programs call these.
OTHER_NAMES = {"linear": "scene_linear", "raw": "non-color", "data": "non-color"}


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
        return bool(self.pixels.dtype != np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width, _ = self.pixels.shape
        return width, height

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return bool(self.pixels.shape[-1] == RGBA)


def apply_image(
    buffer: str | SharedSceneBuffer,
    image: bpy.types.Image | None = None,
    *,
    undo: bool = True,
    store: Store | None = None,
) -> bpy.types.Image:
    """Bring a shared picture into Blender. To be called on Blender's main thread.

    The image that the picture was shared from gets its pixels, and its size if that differs. If there is none in this
    file, or it cannot hold them, the picture becomes a new image, which is kept although nothing uses it yet.

    The data is `pixels`, uint8 or float (height, width) or (height, width, 1, 3 or 4). The attribute `firstRow` says
    whether the first row is the `"top"`, as without it, or the `"bottom"`; `colorSpace` what the numbers mean (without
    it, uint8 is sRGB and float linear); `premultipliedAlpha` whether colours are multiplied by alpha (without it,
    linear ones are). Linear numbers and float data make a float image, all others one of 8 bits.

    What has no file of its own is packed, so that it is saved with the file of Blender. What has one is left modified,
    as after painting: Image > Save, or `image.save()`, writes it. Undo removes a new image, but brings no pixels back:
    what it leaves on the screen is marked as modified, and only saved by Image > Save.

    Args:
        buffer: id, unique name, descriptor, or an open scene.
        image: the image that gets the pixels, instead of the one that the picture was shared from.
        undo: False within an operator with the option UNDO, which makes the step itself when it has finished.
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
    if bpy.app.is_job_running("RENDER"):
        raise RuntimeError("Blender is rendering: apply the image when it is done")
    scene = buffer if isinstance(buffer, SharedSceneBuffer) else SharedSceneBuffer.open(buffer, store=store)
    picture = _picture(scene)
    target = image or identity.find_image(scene.attrs)
    obstacle = _obstacle(target, picture) if target else None
    if image and obstacle:
        raise ValueError(f"{image.name!r} {obstacle}; without `image`, the picture becomes a new one")
    if target and not obstacle:
        _fill(target, picture)
        # This marks it as modified, as undo takes back what is packed, but not the pixels.
        target.pixels[0] = target.pixels[0]
    else:
        target = _make((scene.name or "shared").rpartition("/")[2] or "shared", picture)
    if undo:
        undoing.push_step(f"Apply {scene.name or scene.id}")
    return target


def _picture(scene: SharedSceneBuffer) -> Picture:
    pixels, attrs = _pixels(scene), scene.attrs
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise ImageError(f"'pixels' has elements of {pixels.dtype}, and not of uint8 or a floating-point type")
    if pixels.ndim == 2:  # noqa: PLR2004 (height and width)
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.shape[-1] not in CHANNELS or 0 in pixels.shape:  # noqa: PLR2004 (and channels)
        raise ImageError(
            f"'pixels' has the shape {pixels.shape}, and not (height, width) or (height, width, 1, 3 or 4)"
        )
    if max(pixels.shape) > LONGEST_EDGE:
        raise ImageError(f"'pixels' has the shape {pixels.shape}; Blender takes up to {LONGEST_EDGE} pixels a side")
    if pixels.dtype != np.uint8:
        with np.errstate(over="ignore"):
            pixels = pixels.astype(np.float32, copy=False)
        if not np.isfinite(pixels).all():
            raise ImageError("'pixels' has numbers that are NaN or infinite, also as float32: set them to others")
    first = attrs.get(FIRST_ROW, "top")
    if first not in ("top", "bottom"):
        raise ImageError(f"the attribute {FIRST_ROW!r} is {first!r}, and neither 'top' nor 'bottom'")
    is_premultiplied = attrs.get(PREMULTIPLIED)
    if is_premultiplied not in (None, True, False):
        raise ImageError(f"the attribute {PREMULTIPLIED!r} is {is_premultiplied!r}, and neither true nor false")
    return Picture(
        pixels=pixels if first == "bottom" else pixels[::-1],
        color_space=_color_space(attrs[COLOR_SPACE]) if COLOR_SPACE in attrs else None,
        is_premultiplied=is_premultiplied,
    )


def _pixels(scene: SharedSceneBuffer) -> NDArray[Any]:
    """The array, or what the attributes say that the bytes of a buffer without arrays are."""
    if "pixels" in scene:
        return np.asarray(scene["pixels"])
    if "position" in scene:
        raise ImageError("there are no pixels in it, but a mesh: apply() takes it")
    attrs = scene.attrs
    if len(scene) or not {"width", "height"} <= set(attrs):
        raise ImageError(f"an image needs an array 'pixels'; there are {', '.join(scene) or 'none'}")
    shape = (attrs["height"], attrs["width"], attrs.get("channels", RGBA))
    try:
        return np.frombuffer(scene.read(), attrs.get("dtype", "|u1")).reshape(shape)
    except (TypeError, ValueError) as error:
        raise ImageError(f"the {scene.size_bytes} bytes are not an image of {shape}: {error}") from error


def _color_space(name: object) -> str:
    """What Blender calls it."""
    spaces = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items.keys()
    known = {space.lower(): space for space in spaces}
    wanted = OTHER_NAMES.get(str(name).lower(), str(name).lower())
    if wanted == "scene_linear":
        return working_space()
    if wanted not in known:
        raise ImageError(
            f"the attribute {COLOR_SPACE!r} is {name!r}, which Blender does not know: say {SRGB!r},"
            f" {working_space()!r} or {DATA!r}"
        )
    return str(known[wanted])


def _obstacle(image: bpy.types.Image, picture: Picture) -> str | None:
    """Why the image cannot have these pixels, if it cannot."""
    has, space = "floats" if image.is_float else "bytes", color_space(image)
    obstacles = [
        (image.source == "VIEWER", "is filled by the compositor"),
        (bool(image.library or image.override_library or not image.is_editable), "is linked from another file"),
        (image.channels != RGBA, f"has {image.channels} channels"),
        (
            picture.color_space is None and picture.is_float != image.is_float,
            f"has {has} in {space!r}, and the data does not say its {COLOR_SPACE!r}",
        ),
        (picture.color_space not in {None, space}, f"holds {space!r}, not {picture.color_space!r}: convert it first"),
    ]
    others = (why for is_so, why in obstacles if is_so)
    return problem(image) or next(others, None)


def _make(name: str, picture: Picture) -> bpy.types.Image:
    """A new image that is saved with the file."""
    linear = working_space()
    is_float = picture.is_float and picture.color_space in {None, linear, DATA}
    if picture.is_float and not is_float and picture.color_space != SRGB:
        raise ImageError(
            f"the floats are in {picture.color_space!r}, in which Blender has none: convert them to {linear!r}"
        )
    space = picture.color_space or (linear if is_float else SRGB)
    image = bpy.data.images.new(name, *picture.size, alpha=picture.has_alpha, float_buffer=is_float)
    try:
        _set_if_different(image.colorspace_settings, "name", space)
        _fill(image, picture)
    except BaseException:
        bpy.data.images.remove(image)
        raise
    # Or it is not saved before something uses it.
    image.use_fake_user = True
    return image


def _fill(image: bpy.types.Image, picture: Picture) -> None:
    """Set the size and the pixels of an image."""
    pixels = _rgba(picture, image)
    has_file = image.source == "FILE" and not image.packed_file
    # What is packed must come out as it is now.
    if not has_file and image.alpha_mode in WITH_ALPHA:
        _set_if_different(image, "alpha_mode", "PREMUL" if image.is_float else "STRAIGHT")
    if not has_file and image.is_float and not image.colorspace_settings.is_data:
        _set_if_different(image.colorspace_settings, "name", working_space())
    # After these, because setting them loads the image again, in its old size.
    if tuple(image.size) != picture.size:
        image.scale(*picture.size)
        if tuple(image.size) != picture.size:
            raise MemoryError(f"Blender has no memory for an image of {picture.size} pixels")
    image.pixels.foreach_set(pixels)
    if not has_file:
        image.pack()


def _set_if_different(settings: Any, name: str, value: str) -> None:  # noqa: ANN401 (Blender's)
    if getattr(settings, name) != value:
        setattr(settings, name, value)


def _rgba(picture: Picture, image: bpy.types.Image) -> NDArray[np.float32]:
    """The numbers that the image has to have, as one row; without a copy if they are that already."""
    pixels = picture.pixels
    if not picture.is_float:
        pixels = np.divide(pixels, 255, dtype=np.float32)
    if not picture.has_alpha:
        color, alpha = np.broadcast_to(pixels, (*pixels.shape[:2], RGB)), np.ones_like(pixels[..., :1])
        pixels = np.concatenate([color, alpha], axis=-1)
    elif picture.is_premultiplied not in {None, image.is_float} and image.alpha_mode in WITH_ALPHA:
        color, alpha = pixels[..., :RGB], pixels[..., RGB:]
        color = color * alpha if image.is_float else np.divide(color, alpha, np.zeros_like(color), where=alpha > 0)
        pixels = np.concatenate([color, alpha], axis=-1)
    return np.ascontiguousarray(pixels).reshape(-1)
