# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sets once: which store, how buffers are named, how much is logged."""

import os
from typing import Any

import bpy
from dcc_mcp_shm import Store

from . import log


def _level_changed(self: "DCC_MCP_SHM_AP_preferences", _context: bpy.types.Context) -> None:
    log.LOG.setLevel(self.log_level)


def _directory_changed(self: "DCC_MCP_SHM_AP_preferences", _context: bpy.types.Context) -> None:
    """Make it absolute: relative to the file, it would be another one with each file, and none while Blender starts."""
    if self.directory:
        # A Path would keep "..", and raise if there is no such user.
        absolute = os.path.abspath(os.path.expanduser(bpy.path.abspath(self.directory)))  # noqa: PTH100, PTH111 (see above)
        # What is set here comes here again.
        if self.directory != absolute:
            self.directory = absolute


class DCC_MCP_SHM_AP_preferences(bpy.types.AddonPreferences):
    """Preferences of the extension."""

    bl_idname = __package__

    directory: bpy.props.StringProperty(
        name="Store",
        description="Directory that is shared with agents. Empty for the default one, which they find by themselves",
        subtype="DIR_PATH",
        update=_directory_changed,
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

    modifiers: bpy.props.BoolProperty(
        name="With modifiers",
        description=(
            "Share meshes as their modifiers make them. What an agent makes of those comes back as a new object; "
            "without modifiers, it can be applied in place"
        ),
        default=True,
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


class Defaults:
    """Preferences of a user who has set nothing."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (of any type that a property has)
        """The default of the property."""
        return DCC_MCP_SHM_AP_preferences.bl_rna.properties[name].default


def get() -> DCC_MCP_SHM_AP_preferences | Defaults:
    """As they are now. Blender keeps none for an extension that is enabled for one run alone, as by `--addons`."""
    addon = bpy.context.preferences.addons.get(__package__)
    return addon.preferences if addon else Defaults()


def store() -> Store:
    """The store that a user wants."""
    return Store(get().directory or None)


def name(last: str) -> str:
    """The name of a buffer, with the prefix."""
    prefix = get().prefix.strip("/")
    return f"{prefix}/{last}" if prefix else last


CLASSES = (DCC_MCP_SHM_AP_preferences,)
