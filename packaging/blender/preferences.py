# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sets once: which store, how buffers are named, how much is logged."""

from pathlib import Path

import bpy
from dcc_mcp_shm import Store

from . import log


def _level_changed(self: "DCC_MCP_SHM_AP_preferences", _context: bpy.types.Context) -> None:
    log.LOG.setLevel(self.log_level)


class DCC_MCP_SHM_AP_preferences(bpy.types.AddonPreferences):
    """Preferences of the extension."""

    bl_idname = __package__

    directory: bpy.props.StringProperty(
        name="Store",
        description="Directory that is shared with agents. Empty for the default one, which they find by themselves",
        subtype="DIR_PATH",
    )
    prefix: bpy.props.StringProperty(
        name="Name prefix",
        description="First part of the names of what is shared: with 'shot1', an object is 'shot1/Cube'",
    )
    log_level: bpy.props.EnumProperty(
        name="Log",
        description="The least important messages that are written to the log",
        items=[(level, level.capitalize(), "") for level in log.LEVELS],
        default="INFO",
        update=_level_changed,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """In Blender's preferences."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "directory")
        layout.prop(self, "prefix")
        layout.prop(self, "log_level")
        row = layout.row()
        row.label(text=log.path() or "The log cannot be written: the terminal says why", icon="TEXT")
        if log.path():
            row.operator("dcc_mcp_shm.copy", text="", icon="COPYDOWN").text = log.path()


def get() -> DCC_MCP_SHM_AP_preferences:
    """As they are now."""
    return bpy.context.preferences.addons[__package__].preferences


def directory() -> str:
    """The directory that a user has set; empty for the default one."""
    chosen = get().directory
    return str(Path(bpy.path.abspath(chosen)).expanduser()) if chosen else ""


def store() -> Store:
    """The store that a user wants."""
    return Store(directory() or None)


def name(last: str) -> str:
    """The name of a buffer, with the prefix."""
    prefix = get().prefix.strip("/")
    return f"{prefix}/{last}" if prefix else last


CLASSES = (DCC_MCP_SHM_AP_preferences,)
