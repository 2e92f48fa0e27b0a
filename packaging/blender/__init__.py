# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes and pictures of Blender in shared memory, for AI agents: a tab in sidebars."""

import bpy

from . import installation, listing, log, operators, panels, preferences

_CLASSES = (*preferences.CLASSES, *listing.CLASSES, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    """What Blender calls when the extension is enabled."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    log.start(preferences.get().log_level)
    installation.write_to_log()
    listing.start()


def unregister() -> None:
    """What Blender calls when the extension is disabled."""
    listing.stop()
    log.stop()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
