"""This run of Blender."""

import atexit
import uuid

import bpy

SOURCE = f"Blender {bpy.app.version_string}"

_current = uuid.uuid4().hex[:8]


def current() -> str:
    """A text that stays as long as the numbers of objects do: until a file is loaded."""
    return _current


def _file_loaded(*_: object) -> None:
    global _current  # noqa: PLW0603 (as there is one Blender)
    _current = uuid.uuid4().hex[:8]


bpy.app.handlers.load_post.append(bpy.app.handlers.persistent(_file_loaded))
# With a function of Python in there, Blender 4.2 as a module crashes when it ends. `bpy.app.driver_namespace`, which
# Blender empties when it loads a file, makes it crash as soon as it is looked at, and 4.5 hang.
atexit.register(bpy.app.handlers.load_post.remove, _file_loaded)
