"""The 3D viewport in shared memory."""

import contextlib
import dataclasses
from collections.abc import Iterator

import bpy
import gpu
from mathutils import Matrix

from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.blender import images, names

# The first Blender that draws without one.
WITHOUT_WINDOW = (5, 2, 0)
LONGEST_EDGE = 1 << 14
CHANNELS = 4


@dataclasses.dataclass(frozen=True)
class View:
    """A 3D viewport, what it shows, and whether it is open."""

    area: bpy.types.Area
    scene: bpy.types.Scene
    layer: bpy.types.ViewLayer
    is_open: bool

    @property
    def space(self) -> bpy.types.SpaceView3D:
        """Its settings."""
        return self.area.spaces.active

    @property
    def region(self) -> bpy.types.Region:
        """Where it is drawn. Of four, the last one is that of `space.region_3d`."""
        return [region for region in self.area.regions if region.type == "WINDOW"][-1]


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
    viewport's own shading and overlays. Where the viewport looks through a camera, it is what that sees; where none is
    open, what the scene's camera sees. Of the four of a quad view it is the one that is not locked to an axis.

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
    if any(edge is not None and not 0 < edge <= LONGEST_EDGE for edge in (width, height)):
        raise ValueError(f"{width} by {height} pixels cannot be drawn: a side has 1 to {LONGEST_EDGE}")
    if bpy.app.background:
        _start_drawing()
    view = _view()
    space, region = view.space, view.region
    view.layer.update()
    space.region_3d.update()
    camera = None
    if not view.is_open or space.region_3d.view_perspective == "CAMERA":
        camera = space.camera if view.is_open and space.use_local_camera else view.scene.camera
    render = view.scene.render
    if camera:
        percent = render.resolution_percentage / 100
        proportions = (render.resolution_x * percent, render.resolution_y * percent)
    elif view.is_open:
        proportions = (region.width, region.height)
    else:
        raise RuntimeError("there is no 3D viewport and no camera: open a viewport, or give the scene a camera")
    size = _size(width, height, proportions)
    if camera:
        depsgraph = view.layer.depsgraph
        seen_from = camera.evaluated_get(depsgraph).matrix_world.normalized().inverted()
        projection = camera.calc_matrix_camera(
            depsgraph, x=size[0], y=size[1], scale_x=render.pixel_aspect_x, scale_y=render.pixel_aspect_y
        )
    else:
        seen_from = space.region_3d.view_matrix
        # As high as the viewport, and as wide as the image.
        narrower = (region.width / region.height) / (size[0] / size[1])
        projection = Matrix.Diagonal((narrower, 1, 1, 1)) @ space.region_3d.window_matrix
    with _drawing_of(size) as drawing:
        drawing.draw_view3d(
            view.scene, view.layer, space, region, seen_from, projection, do_color_management=True, draw_background=True
        )
        return _publish(drawing, size, view.scene, name, group=group, store=store)


def _start_drawing() -> None:
    """Let a Blender without a window draw."""
    if bpy.app.version < WITHOUT_WINDOW:
        raise RuntimeError(
            f"Blender {bpy.app.version_string} cannot draw without a window: open one, use Blender 5.2 or newer, or"
            " render, and share_render()"
        )
    try:
        gpu.init()
    except Exception as error:
        raise RuntimeError(
            f"Blender cannot draw here: {error}. Without a graphics card it needs Mesa (on Debian libegl1 and"
            " libgl1-mesa-dri)"
        ) from error


def _view() -> View:
    """That of the caller, the largest one, or one of another workspace."""
    context = bpy.context
    if context.area and context.area.type == "VIEW_3D":
        return View(context.area, context.scene, context.view_layer, is_open=True)
    opened = [
        View(area, window.scene, window.view_layer, is_open=True)
        for window in context.window_manager.windows
        for area in window.screen.areas
        if area.type == "VIEW_3D"
    ]
    if opened:
        return max(opened, key=lambda view: view.area.width * view.area.height)
    others = [area for screen in bpy.data.screens for area in screen.areas if area.type == "VIEW_3D"]
    if not others:
        raise RuntimeError("no workspace of this file has a 3D viewport, which says how to draw: open one")
    return View(others[0], context.scene, context.view_layer, is_open=False)


def _size(width: int | None, height: int | None, proportions: tuple[float, float]) -> tuple[int, int]:
    """Width and height in pixels, and what is left out in proportion."""
    ratio = proportions[0] / proportions[1]
    if width is None:
        width = round(proportions[0] if height is None else height * ratio)
    if height is None:
        height = round(width / ratio)
    return max(width, 1), max(height, 1)


@contextlib.contextmanager
def _drawing_of(size: tuple[int, int]) -> Iterator[gpu.types.GPUOffScreen]:
    try:
        drawing = gpu.types.GPUOffScreen(*size)
    except (RuntimeError, SystemError) as error:
        raise RuntimeError(f"Blender cannot draw {size[0]} by {size[1]} pixels: {error}") from error
    try:
        yield drawing
    finally:
        drawing.free()


def _publish(
    drawing: gpu.types.GPUOffScreen,
    size: tuple[int, int],
    scene: bpy.types.Scene,
    name: str,
    *,
    group: str | None,
    store: Store | None,
) -> SharedSceneBuffer:
    width, height = size
    attrs = {images.COLOR_SPACE: scene.display_settings.display_device, "frame": scene.frame_current}
    with images.writer(name, "u1", (height, width, CHANNELS), attrs=attrs, group=group, store=store) as w:
        target = gpu.types.Buffer("UBYTE", width * height * CHANNELS, w["pixels"])
        with drawing.bind():
            gpu.state.active_framebuffer_get().read_color(0, 0, width, height, CHANNELS, 0, "UBYTE", data=target)
    return w.scene
