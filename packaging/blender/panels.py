# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab in the sidebars of the 3D viewport and the image editor.

It draws what `listing` has found, and opens no file.
"""

import os
import shlex
import textwrap

import bpy

from . import installation, listing, log, preferences

# What a character of Blender's font takes on average, in pixels of a display that is not scaled.
CHARACTER = 7
ICONS = {"Geometry": "MESH_DATA", "Screenshot": "IMAGE_DATA", "AnimationCache": "ANIM"}


class View3D:
    """A panel of the tab in the 3D viewport."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Shared Memory"


class ImageEditor:
    """A panel of the tab in the image editor."""

    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Shared Memory"


class DCC_MCP_SHM_UL_buffers(bpy.types.UIList):
    """What is in the store, newest first."""

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _state: bpy.types.AnyType,
        item: listing.DCC_MCP_SHM_PG_buffer,
        _icon: int,
        _active_data: bpy.types.AnyType,
        _active_property: str,
    ) -> None:
        """One row: what an agent or another program made has a mark."""
        row = layout.row(align=True)
        row.label(text=item.name, icon=ICONS.get(item.kind, "FILE"))
        right = row.row()
        right.alignment = "RIGHT"
        right.label(text=listing.ago(item.created), icon="IMPORT" if item.is_foreign else "BLENDER")


class DCC_MCP_SHM_PT_share(View3D, bpy.types.Panel):
    """Share what the viewport has, and what came of the last action."""

    bl_label = "Share"

    def draw(self, context: bpy.types.Context) -> None:
        """What Blender calls."""
        layout, settings = self.layout, preferences.get()
        if problem := installation.problem():
            _say(layout.box(), context, problem, "ERROR")
        column = layout.column(align=True)
        column.operator("dcc_mcp_shm.share_selection", icon="MESH_DATA").modifiers = settings.modifiers
        # Defaults cannot be set.
        if isinstance(settings, bpy.types.AddonPreferences):
            column.prop(settings, "modifiers")
        row = layout.row(align=True)
        row.operator("dcc_mcp_shm.share_render", text="Render", icon="RENDER_RESULT")
        row.operator("dcc_mcp_shm.share_viewport", text="Viewport", icon="VIEW3D")
        _draw_said(layout, context)


class DCC_MCP_SHM_PT_share_image(ImageEditor, bpy.types.Panel):
    """Share the image that is open, and what came of the last action."""

    bl_label = "Share"

    def draw(self, context: bpy.types.Context) -> None:
        """What Blender calls."""
        layout, image = self.layout, context.space_data.image
        if image and image.type != "RENDER_RESULT":
            layout.operator("dcc_mcp_shm.share_image", icon="IMAGE_DATA").image = image.name
        else:
            layout.operator("dcc_mcp_shm.share_render", icon="RENDER_RESULT")
        _draw_said(layout, context)


def _draw_said(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    state = listing.state()
    if state.said:
        _say(layout.box(), context, state.said, "ERROR" if state.has_failed else "CHECKMARK")


class StorePanel:
    """What is shared, and what can be done with it."""

    bl_label = "Shared"

    def draw(self, context: bpy.types.Context) -> None:
        """What Blender calls."""
        layout, state, chosen = self.layout, listing.state(), listing.chosen()
        if state.problem:
            _say(layout.box(), context, state.problem, "ERROR")
            layout.operator("dcc_mcp_shm.refresh", icon="FILE_REFRESH")
            return
        row = layout.row()
        row.template_list("DCC_MCP_SHM_UL_buffers", "", state, "buffers", state, "chosen", rows=4)
        side = row.column(align=True)
        side.operator("dcc_mcp_shm.refresh", text="", icon="FILE_REFRESH")
        if chosen:
            side.operator("dcc_mcp_shm.delete", text="", icon="TRASH").buffer = chosen.buffer
            _draw_facts(layout, chosen)
            _draw_apply(layout, context, chosen)


def _draw_facts(layout: bpy.types.UILayout, chosen: listing.DCC_MCP_SHM_PG_buffer) -> None:
    column = layout.column(align=True)
    column.label(text=chosen.what if chosen.state in {"sealed", "open"} else f"{chosen.what}, {chosen.state}")
    of = f", of {chosen.source!r}" if chosen.source else ""
    column.label(text=f"made by {chosen.maker or 'a program without a name'}{of}")
    column.label(text=f"removed in {listing.left(chosen.expires)}" if chosen.expires else chosen.stays)


def _draw_apply(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: listing.DCC_MCP_SHM_PG_buffer) -> None:
    column = layout.column(align=True)
    if chosen.kind == "Geometry":
        buttons = [("Apply", "SOURCE"), ("Apply as New Object", "NEW")]
        obj = context.active_object
        if obj and obj.type == "MESH":
            buttons.append((f"Apply to {obj.name}", "ACTIVE"))
        for text, to in buttons:
            button = column.operator("dcc_mcp_shm.apply", text=text)
            button.buffer, button.to = chosen.buffer, to
    elif chosen.kind == "Screenshot":
        column.operator("dcc_mcp_shm.apply_image", text="Apply").buffer = chosen.buffer
        image = context.space_data.image if context.space_data.type == "IMAGE_EDITOR" else None
        if image and image.type != "RENDER_RESULT":
            button = column.operator("dcc_mcp_shm.apply_image", text=f"Apply to {image.name}")
            button.buffer, button.image = chosen.buffer, image.name


class DCC_MCP_SHM_PT_store(StorePanel, View3D, bpy.types.Panel):
    """The list, in the 3D viewport."""


class DCC_MCP_SHM_PT_store_of_images(StorePanel, ImageEditor, bpy.types.Panel):
    """The list, in the image editor."""


class DCC_MCP_SHM_PT_agent(View3D, bpy.types.Panel):
    """How an agent gets to see what is shared."""

    bl_label = "Connect an Agent"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """What Blender calls."""
        layout = self.layout
        _say(layout, context, "Run this once in a terminal, and start the agent again:", "NONE")
        command = agent_command()
        _say(layout.box(), context, command, "NONE")
        layout.operator("dcc_mcp_shm.copy", text="Copy Command", icon="COPYDOWN").text = command
        others = "Instead of claude-code: claude-desktop, cursor, vscode, codex, gemini, goose, or all."
        _say(layout, context, others, "NONE")
        if log.path():
            layout.operator("dcc_mcp_shm.copy", text="Copy Path of the Log", icon="TEXT").text = log.path()


def agent_command() -> str:
    """What makes an agent see the store; the server knows nothing of Blender's preferences and variables."""
    directory = preferences.get().directory or os.environ.get("DCC_MCP_SHM_DIR")
    return "uvx dcc-mcp-shm install claude-code" + (f" --store {shlex.quote(directory)}" if directory else "")


def _say(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str) -> None:
    """A text of any length, in lines that fit the region."""
    characters = context.region.width / (CHARACTER * context.preferences.system.ui_scale)
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, max(int(characters) - 6, 20), break_on_hyphens=False)):
        # As far to the right as the first one, which has an icon.
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon)


CLASSES = (
    DCC_MCP_SHM_UL_buffers,
    DCC_MCP_SHM_PT_share,
    DCC_MCP_SHM_PT_share_image,
    DCC_MCP_SHM_PT_store,
    DCC_MCP_SHM_PT_store_of_images,
    DCC_MCP_SHM_PT_agent,
)
