"""Blender's meshes and images in shared memory, and back into Blender.

It runs inside Blender, 4.2 or newer::

    from dcc_mcp_shm import blender

    blender.share(bpy.context.object, "hero")     # another process, or an agent, opens "hero"
    blender.apply("hero-new")                     # what that made of it, in place where nothing is lost
    blender.share_image(bpy.data.images["skin"])  # apply_image("skin-new") brings back what became of it
    blender.share_render()                        # what was rendered last
    blender.share_viewport()                      # what the viewport shows

Blender's own code writes straight into shared memory, and reads from it. What is applied is checked before Blender
sees it, because Blender ends with a segmentation fault when an index is out of range.
"""

try:
    import bpy  # noqa: F401 (or the first of the modules below says less)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("dcc_mcp_shm.blender runs inside Blender: there is no bpy here", name="bpy") from error

from dcc_mcp_shm.blender.applying import Applied, apply
from dcc_mcp_shm.blender.applying_images import ImageError, apply_image
from dcc_mcp_shm.blender.images import share_image
from dcc_mcp_shm.blender.rendering import share_render
from dcc_mcp_shm.blender.sharing import share
from dcc_mcp_shm.blender.viewport import share_viewport
from dcc_mcp_shm.mesh import MeshError

__all__ = [
    "Applied",
    "ImageError",
    "MeshError",
    "apply",
    "apply_image",
    "share",
    "share_image",
    "share_render",
    "share_viewport",
]
