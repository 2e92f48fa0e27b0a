"""Which object of a Blender scene shared data is of.

An object has a number that stays when it is renamed, as long as this Blender runs and the file is not loaded again; and
a name that stays in its file.
"""

from typing import Any

import bpy

from dcc_mcp_shm.blender.session import SESSION

# Attributes of a buffer.
NAME, ID, FILE = "object", "objectId", "objectFile"
# Whether modifiers or shape keys may have made the data something else than what is edited.
EVALUATED = "evaluated"


def of(obj: bpy.types.Object) -> dict[str, str]:
    """What `find` finds the object by, as attributes of a buffer."""
    identity = {NAME: obj.name_full, ID: f"{SESSION}:{obj.session_uid}"}
    return identity | ({FILE: bpy.data.filepath} if bpy.data.filepath else {})


def find(attrs: dict[str, Any]) -> bpy.types.Object | None:
    """The object that data with these attributes is of, if it is in a scene of this file."""
    session, _, uid = str(attrs.get(ID, "")).partition(":")
    found = None
    if session == SESSION:
        found = next((obj for obj in bpy.data.objects if str(obj.session_uid) == uid), None)
    # Of another file, or one that was never saved, a name says nothing.
    if found is None and bpy.data.filepath and attrs.get(FILE) == bpy.data.filepath:
        found = next((obj for obj in bpy.data.objects if obj.name_full == attrs.get(NAME)), None)
    return found if found and found.users_scene else None
