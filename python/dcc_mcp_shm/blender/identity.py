"""Which object or image of Blender shared data is of.

Both have a number that stays when they are renamed, as long as this Blender runs and the file is not loaded again; and
a name that stays in their file.
"""

from collections.abc import Iterable
from typing import Any

import bpy

from dcc_mcp_shm.blender import session

# Whether modifiers or shape keys may have made the data something else than what is edited.
EVALUATED = "evaluated"


def of(block: bpy.types.Object | bpy.types.Image) -> dict[str, str]:
    """What `find_object` and `find_image` find it by, as attributes of a buffer."""
    what = "image" if isinstance(block, bpy.types.Image) else "object"
    identity = {what: block.name_full, f"{what}Id": f"{session.current()}:{block.session_uid}"}
    return identity | ({f"{what}File": bpy.data.filepath} if bpy.data.filepath else {})


def find_object(attrs: dict[str, Any]) -> bpy.types.Object | None:
    """The object that data with these attributes is of, if it is in a scene of this file."""
    found = _find("object", bpy.data.objects, attrs)
    return found if found and found.users_scene else None


def find_image(attrs: dict[str, Any]) -> bpy.types.Image | None:
    """The image that data with these attributes is of, if it is in this file."""
    return _find("image", bpy.data.images, attrs)


def _find(what: str, blocks: Iterable[Any], attrs: dict[str, Any]) -> Any:  # noqa: ANN401 (an object or an image)
    shared_in, _, uid = str(attrs.get(f"{what}Id", "")).partition(":")
    if shared_in == session.current():
        return next((block for block in blocks if str(block.session_uid) == uid), None)
    # Of another file, or one that was never saved, a name says nothing.
    if bpy.data.filepath and attrs.get(f"{what}File") == bpy.data.filepath:
        return next((block for block in blocks if block.name_full == attrs.get(what)), None)
    return None
