"""This run of Blender."""

import uuid

import bpy

SOURCE = f"Blender {bpy.app.version_string}"
KEY = "dcc_mcp_shm_session"


def current() -> str:
    """A text that stays as long as the numbers of objects do: until a file is loaded."""
    # Blender empties this dictionary when it loads a file.
    return str(bpy.app.driver_namespace.setdefault(KEY, uuid.uuid4().hex[:8]))
