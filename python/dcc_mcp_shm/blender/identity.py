"""Which object of a Blender scene shared data is of.

An object has a number that stays when it is renamed, as long as this Blender runs; and a name that stays in the file.
"""

from typing import Any

import bpy

from dcc_mcp_shm.blender.session import SESSION

# Attributes of a buffer.
NAME, ID = "object", "objectId"


def of(obj: bpy.types.Object) -> dict[str, str]:
    """What `find` finds the object by, as attributes of a buffer."""
    return {NAME: obj.name_full, ID: f"{SESSION}:{obj.session_uid}"}


def find(attrs: dict[str, Any]) -> bpy.types.Object | None:
    """The object that data with these attributes is of, if it is in this file."""
    session, _, uid = str(attrs.get(ID, "")).partition(":")
    if session == SESSION:
        return next((obj for obj in bpy.data.objects if str(obj.session_uid) == uid), None)
    return next((obj for obj in bpy.data.objects if obj.name_full == attrs.get(NAME)), None)
