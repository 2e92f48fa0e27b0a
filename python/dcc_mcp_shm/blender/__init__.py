"""Blender's meshes in shared memory, and back into the scene.

It runs inside Blender, 4.2 or newer::

    from dcc_mcp_shm import blender

    blender.share(bpy.context.object, "hero")     # another process, or an agent, opens "hero"
    blender.apply("hero")                         # what that made of it, in place if the faces are the same

Blender's own code writes straight into shared memory, and reads from it. What is applied is checked before Blender
sees it, because Blender ends with a segmentation fault when an index is out of range.
"""

from dcc_mcp_shm.blender.applying import Applied, apply
from dcc_mcp_shm.blender.sharing import share
from dcc_mcp_shm.mesh import MeshError

__all__ = ["Applied", "MeshError", "apply", "share"]
