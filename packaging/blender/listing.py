# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the store, as the panel shows it.

Listing opens files, so it is done when something has changed, and never while Blender draws.
"""

import datetime
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent
from dcc_mcp_shm import Store

from . import preferences
from .log import LOG, words

# Editors that have the tab.
SPACES = {"VIEW_3D", "IMAGE_EDITOR"}
SECONDS = 1.0
# States that end without a change of the directory.
UNFINISHED = {"empty", "filling"}


# Without methods: a Python property in a group is never freed, and bpy 4.2 as a module then crashes when it ends.
class DCC_MCP_SHM_PG_buffer(bpy.types.PropertyGroup):
    """One buffer of the store; `name` is what the list shows."""

    buffer: bpy.props.StringProperty(description="Its id")
    kind: bpy.props.StringProperty()
    state: bpy.props.StringProperty(description="As in its descriptor: sealed, empty, filling or open")
    what: bpy.props.StringProperty(description="How much of what it is")
    maker: bpy.props.StringProperty(description="The program that made it; empty if that is unknown")
    is_foreign: bpy.props.BoolProperty(description="Whether that is another program than Blender")
    source: bpy.props.StringProperty(description="The object or image that it is of")
    created: bpy.props.StringProperty(description="When, in ISO 8601")
    expires: bpy.props.StringProperty(description="When it is removed, in ISO 8601; empty if that is not known")
    stays: bpy.props.StringProperty(description="Why that is not known")


FIELDS = ("name", *DCC_MCP_SHM_PG_buffer.__annotations__)


class DCC_MCP_SHM_PG_state(bpy.types.PropertyGroup):
    """What the panel shows, of this run of Blender alone."""

    buffers: bpy.props.CollectionProperty(type=DCC_MCP_SHM_PG_buffer)
    chosen: bpy.props.IntProperty(name="Buffer", description="A mesh or picture that is shared")
    problem: bpy.props.StringProperty(description="Why the store cannot be listed")
    said: bpy.props.StringProperty(description="What the last operator did")
    has_failed: bpy.props.BoolProperty(description="Whether that is an error")


# What was listed: the directory as the user has set it, the store, and when it had last changed.
_listed: tuple[str, Store, int] | None = None


def state() -> DCC_MCP_SHM_PG_state:
    """What the panel shows."""
    return bpy.context.window_manager.dcc_mcp_shm


def chosen() -> DCC_MCP_SHM_PG_buffer | None:
    """The one that is selected in the list."""
    shown = state()
    return shown.buffers[shown.chosen] if 0 <= shown.chosen < len(shown.buffers) else None


def refresh() -> None:
    """List the store anew; if it cannot be listed, the panel says why."""
    global _listed  # noqa: PLW0603 (there is one list, as there is one window manager)
    shown = state()
    try:
        store = preferences.store()
        if _listed is None or _listed[1].path != store.path:
            LOG.info("store %s, %d bytes used", store.path, store.used_bytes())
        # Before the listing, because what comes later is for the next one.
        _listed = (preferences.get().directory, store, _changed(store))
        found = sorted(store.list(), key=lambda descriptor: descriptor["created_at"], reverse=True)
        rows, problem = [_row(descriptor) for descriptor in found], ""
    # Whatever it is, because Blender drops a timer that raises.
    except Exception as error:  # noqa: BLE001 (logged, and told)
        rows, problem, _listed = [], words(error), None
        if problem != shown.problem:
            LOG.warning("the store cannot be listed: %s", error, exc_info=True)
    LOG.debug("%d buffers are in the store", len(rows))
    there = [{field: getattr(item, field) for field in FIELDS} for item in shown.buffers]
    if (there, shown.problem) != (rows, problem):
        shown.problem = problem
        _fill(rows)
        redraw()


def _fill(rows: list[dict[str, Any]]) -> None:
    """Show these, and select what was selected; if that was shared again, what has its name now."""
    shown, selected = state(), chosen()
    before = (selected.buffer, selected.name) if selected else ("", "")
    shown.buffers.clear()
    for row in rows:
        item = shown.buffers.add()
        for field, value in row.items():
            setattr(item, field, value)
    ids, names = [row["buffer"] for row in rows], [row["name"] for row in rows]
    found = (has.index(wanted) for has, wanted in zip((ids, names), before, strict=True) if wanted in has)
    shown.chosen = next(found, 0)


def redraw() -> None:
    """Draw the tab anew, and no viewport."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in SPACES:
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _row(descriptor: dict[str, Any]) -> dict[str, Any]:
    """What the list has of a buffer, by `FIELDS`."""
    attrs, maker = descriptor.get("attrs", {}), descriptor["source_dcc"]
    return {
        "buffer": descriptor["id"],
        "name": descriptor.get("name") or descriptor["id"][:8],
        "kind": descriptor["kind"],
        "state": descriptor["state"],
        "what": _what(descriptor),
        "maker": maker,
        "is_foreign": not maker.startswith("Blender "),
        "source": str(attrs.get("object") or attrs.get("image") or ""),
        "created": descriptor["created_at"],
        "expires": descriptor.get("expires", ""),
        "stays": "open in a program" if descriptor["ttl_seconds"] else "kept until it is deleted",
    }


def _what(descriptor: dict[str, Any]) -> str:
    """How much of what it is: points and faces, pixels, or bytes."""
    shapes = {name: array["shape"] for name, array in descriptor.get("arrays", {}).items()}
    size = _size(descriptor["size_bytes"])
    if "pixels" in shapes and len(shapes["pixels"]) > 1:
        height, width = shapes["pixels"][:2]
        return f"{width} x {height}, {size}"
    counts = [
        f"{shapes[array][0]:,} {unit}"
        for array, unit in (("position", "points"), ("face_start", "faces"))
        if shapes.get(array)
    ]
    return ", ".join([*counts, size])


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 (what the units are)
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def ago(iso: str) -> str:
    """How long ago that was, short."""
    return _span(datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(iso))


def left(iso: str) -> str:
    """How long it is until then, short."""
    return _span(datetime.datetime.fromisoformat(iso) - datetime.datetime.now(datetime.UTC))


def _span(span: datetime.timedelta) -> str:
    seconds = max(span.total_seconds(), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _changed(store: Store) -> int:
    return Path(store.path).stat().st_mtime_ns


def _follow() -> float:
    """List the store again if something was made or deleted in it, or has been filled."""
    if _is_out_of_date():
        refresh()
    return SECONDS


def _is_out_of_date() -> bool:
    if _listed is None:
        return True
    directory, store, changed = _listed
    unfinished = [item for item in state().buffers if item.state in UNFINISHED]
    try:
        return (
            directory != preferences.get().directory
            or changed != _changed(store)
            or any(store.describe(item.buffer)["state"] != item.state for item in unfinished)
        )
    except Exception:  # noqa: BLE001 (`refresh` says what it is)
        return True


@persistent
def _file_loaded(_path: str) -> None:
    # The window manager may be another one now, with nothing in it.
    refresh()


def start() -> None:
    """List the store, now and when it changes."""
    bpy.types.WindowManager.dcc_mcp_shm = bpy.props.PointerProperty(type=DCC_MCP_SHM_PG_state)
    bpy.app.handlers.load_post.append(_file_loaded)
    bpy.app.timers.register(_follow, first_interval=SECONDS, persistent=True)
    refresh()


def stop() -> None:
    """Undo `start`."""
    if bpy.app.timers.is_registered(_follow):
        bpy.app.timers.unregister(_follow)
    bpy.app.handlers.load_post.remove(_file_loaded)
    del bpy.types.WindowManager.dcc_mcp_shm


CLASSES = (DCC_MCP_SHM_PG_buffer, DCC_MCP_SHM_PG_state)
