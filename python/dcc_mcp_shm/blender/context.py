"""What Blender has only where an artist works: a window, and steps of undo.

A timer, in which add-ons run what an agent asks for, has no window, although there is one.
"""

import contextlib
from collections.abc import Iterator

import bpy


@contextlib.contextmanager
def of_window() -> Iterator[None]:
    """Let what is called have a window if there is one, and so its scene, its view layer, and undo."""
    manager = bpy.context.window_manager
    if bpy.context.window or not manager or not manager.windows:
        yield
        return
    with bpy.context.temp_override(window=manager.windows[0]):
        yield


def has_step() -> bool:
    """Whether undo can bring back what is there now, after one more step."""
    return bool(bpy.context.preferences.edit.use_global_undo and bpy.ops.ed.undo.poll())


def push_step(name: str) -> bool:
    """Make a step of undo; whether Blender makes any."""
    if not bpy.context.preferences.edit.use_global_undo or not bpy.ops.ed.undo_push.poll():
        return False
    bpy.ops.ed.undo_push(message=name)
    return True
