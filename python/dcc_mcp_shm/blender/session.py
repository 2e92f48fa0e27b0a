"""This run of Blender."""

import uuid

import bpy

SOURCE = f"Blender {bpy.app.version_string}"
# Numbers of objects begin anew with each run.
SESSION = uuid.uuid4().hex[:8]
