# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the buttons do. Each is an operator, so scripts, shortcuts and the search find it too."""

import time
from typing import Any

import bpy
from dcc_mcp_shm import blender

from . import listing, preferences
from .log import LOG, words


class Action:
    """An operator that says in words what it did, in the panel, the status bar and the log."""

    # Whether there is something to undo.
    has_changed = True

    def act(self, context: bpy.types.Context) -> str:
        """Do it, and say what was done."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        """What Blender calls."""
        started = time.perf_counter()
        try:
            said = self.act(context)
        except Exception as error:  # noqa: BLE001 (logged, and told)
            LOG.exception("%s", self.bl_label)
            return self._end("ERROR", words(error), {"CANCELLED"})
        LOG.info("%s: %s (%.0f ms)", self.bl_label, said, (time.perf_counter() - started) * 1e3)
        # Of what is cancelled, Blender makes no step of undo.
        return self._end("INFO", said, {"FINISHED"} if self.has_changed else {"CANCELLED"})

    def _end(self, level: str, said: str, result: set[str]) -> set[str]:
        state = listing.state()
        state.said, state.has_failed = said, level == "ERROR"
        listing.refresh()
        listing.redraw()
        self.report({level}, said)
        return result


class OfBuffer(Action):
    """An action on one buffer."""

    buffer: bpy.props.StringProperty(
        name="Buffer",
        description="Its id or name. Without it, the one that is selected in the list",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def wanted(self) -> str:
        """The id or name of the buffer."""
        chosen = listing.chosen()
        if not self.buffer and not chosen:
            raise ValueError("nothing is selected in the list")
        # The same one if the operation is adjusted after another was selected.
        self.buffer = self.buffer or chosen.buffer
        return self.buffer


class DCC_MCP_SHM_OT_share_selection(Action, bpy.types.Operator):
    """Share the meshes of the selected objects, each under the object's name"""

    bl_idname = "dcc_mcp_shm.share_selection"
    bl_label = "Share Selection"
    bl_options = {"REGISTER"}

    modifiers: bpy.props.BoolProperty(name="With modifiers", default=True, options={"SKIP_SAVE"})

    def act(self, _context: bpy.types.Context) -> str:
        """Share, and name what was shared."""
        scenes = blender.share(name=preferences.name("") or None, modifiers=self.modifiers, store=preferences.store())
        return f"Shared {', '.join(repr(scene.name) for scene in scenes)}"


class DCC_MCP_SHM_OT_share_render(Action, bpy.types.Operator):
    """Share the frame that was rendered last"""

    bl_idname = "dcc_mcp_shm.share_render"
    bl_label = "Share Render"
    bl_options = {"REGISTER"}

    def act(self, _context: bpy.types.Context) -> str:
        """Share, and name what was shared."""
        return f"Shared {blender.share_render(preferences.name('render'), store=preferences.store()).name!r}"


class DCC_MCP_SHM_OT_share_viewport(Action, bpy.types.Operator):
    """Share what the 3D viewport shows"""

    bl_idname = "dcc_mcp_shm.share_viewport"
    bl_label = "Share Viewport"
    bl_options = {"REGISTER"}

    def act(self, _context: bpy.types.Context) -> str:
        """Share, and name what was shared."""
        return f"Shared {blender.share_viewport(preferences.name('viewport'), store=preferences.store()).name!r}"


class DCC_MCP_SHM_OT_share_image(Action, bpy.types.Operator):
    """Share an image as it is now, with what was painted and not saved"""

    bl_idname = "dcc_mcp_shm.share_image"
    bl_label = "Share Image"
    bl_options = {"REGISTER"}

    image: bpy.props.StringProperty(name="Image", description="Its name", options={"SKIP_SAVE"})

    def act(self, _context: bpy.types.Context) -> str:
        """Share, and name what was shared."""
        image = _image(self.image)
        shared = blender.share_image(image, preferences.name(image.name), store=preferences.store())
        return f"Shared {shared.name!r}"


class DCC_MCP_SHM_OT_apply(OfBuffer, bpy.types.Operator):
    """Bring a shared mesh into the scene. One undo takes it back"""

    bl_idname = "dcc_mcp_shm.apply"
    bl_label = "Apply Mesh"
    bl_options = {"REGISTER", "UNDO"}

    to: bpy.props.EnumProperty(
        name="To",
        items=[
            (
                "SOURCE",
                "Its Object",
                "The object that the mesh was shared from; a new one if that would lose something",
            ),
            ("ACTIVE", "Active Object", "The active object; an error if that would lose something"),
            ("NEW", "New Object", "A new object"),
        ],
        options={"SKIP_SAVE"},
    )

    def act(self, context: bpy.types.Context) -> str:
        """Apply, and say what was set."""
        obj = context.active_object if self.to == "ACTIVE" else None
        if self.to == "ACTIVE" and not obj:
            raise ValueError("no object is active: select the one that the mesh is for")
        applied = blender.apply(self.wanted(), obj, new=self.to == "NEW", undo=False, store=preferences.store())
        self.has_changed = applied.has_changed
        return str(applied)


class DCC_MCP_SHM_OT_apply_image(OfBuffer, bpy.types.Operator):
    """Bring a shared picture into its image, or a new one. Undo brings no pixels back: share the image before"""

    bl_idname = "dcc_mcp_shm.apply_image"
    bl_label = "Apply Image"
    bl_options = {"REGISTER", "UNDO"}

    # Hidden, because adjusting it would not bring back the pixels of the image before.
    image: bpy.props.StringProperty(
        name="Image",
        description="Name of the image that gets the pixels, instead of that one",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def act(self, _context: bpy.types.Context) -> str:
        """Apply, and name the image."""
        there = set(bpy.data.images)
        given = _image(self.image) if self.image else None
        image = blender.apply_image(self.wanted(), given, undo=False, store=preferences.store())
        return f"{image.name!r} {'has new pixels' if image in there else 'is new'}"


class DCC_MCP_SHM_OT_delete(OfBuffer, bpy.types.Operator):
    """Delete what is shared. Programs that have it open keep it until they close it"""

    bl_idname = "dcc_mcp_shm.delete"
    bl_label = "Delete from the Store"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first, because what another program made cannot be made again here."""
        names = [item.name for item in listing.state().buffers if item.buffer == self.buffer]
        title = f"Delete {names[0]!r}?" if names else ""
        return context.window_manager.invoke_confirm(self, event, title=title, confirm_text="Delete")

    def act(self, _context: bpy.types.Context) -> str:
        """Delete, and say what."""
        store, buffer = preferences.store(), self.wanted()
        descriptor = store.describe(buffer)
        store.delete(descriptor["id"])
        return f"Deleted {descriptor.get('name', descriptor['id'])!r}"


class DCC_MCP_SHM_OT_refresh(bpy.types.Operator):
    """List the store again, which happens by itself when something is made or deleted"""

    bl_idname = "dcc_mcp_shm.refresh"
    bl_label = "Refresh"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """What Blender calls."""
        listing.refresh()
        return {"FINISHED"}


class DCC_MCP_SHM_OT_copy(bpy.types.Operator):
    """Copy this to the clipboard"""

    bl_idname = "dcc_mcp_shm.copy"
    bl_label = "Copy"

    text: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """What Blender calls."""
        context.window_manager.clipboard = self.text
        self.report({"INFO"}, f"Copied: {self.text}")
        return {"FINISHED"}


def _image(name: str) -> bpy.types.Image:
    image = bpy.data.images.get(name)
    if not image:
        raise ValueError(f"there is no image {name!r}: open it in the image editor")
    return image


CLASSES: tuple[Any, ...] = (
    DCC_MCP_SHM_OT_share_selection,
    DCC_MCP_SHM_OT_share_render,
    DCC_MCP_SHM_OT_share_viewport,
    DCC_MCP_SHM_OT_share_image,
    DCC_MCP_SHM_OT_apply,
    DCC_MCP_SHM_OT_apply_image,
    DCC_MCP_SHM_OT_delete,
    DCC_MCP_SHM_OT_refresh,
    DCC_MCP_SHM_OT_copy,
)
