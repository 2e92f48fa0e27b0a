"""Steps of Blender's undo."""

import bpy


def has_step() -> bool:
    """Whether undo can bring back what is there now, after one more step."""
    return bool(bpy.context.preferences.edit.use_global_undo and bpy.ops.ed.undo.poll())


def push_step(name: str) -> bool:
    """Make a step of undo; whether Blender makes any."""
    if not bpy.context.preferences.edit.use_global_undo or not bpy.ops.ed.undo_push.poll():
        return False
    bpy.ops.ed.undo_push(message=name)
    return True
