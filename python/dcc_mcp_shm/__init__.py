"""Scene data of DCCs (Blender, Maya, Houdini, Nuke …) in shared memory.

Share a mesh from a DCC::

    layout = {"position": ("f4", (n, 3), "point")}
    with SharedSceneBuffer.writer(layout, kind="Geometry", name="hero", replace=True) as w:
        mesh.attributes["position"].data.foreach_get("vector", w["position"])

and read it in another process, without a copy::

    positions = numpy.asarray(SharedSceneBuffer.open("hero")["position"])

Everything is shared through a :class:`Store`, a directory in memory that belongs to this user alone. All failures are
a :class:`ShmError`.
"""

from dcc_mcp_shm._native import (
    ArrayView,
    BufferEdit,
    BufferPool,
    Busy,
    CapacityExceeded,
    Compressed,
    Damaged,
    Exhausted,
    Forked,
    Interrupted,
    InvalidArgument,
    InvalidDescriptor,
    NameTaken,
    NoSuchArray,
    NotFound,
    NotSealed,
    OutOfMemory,
    SceneDataKind,
    SceneWriter,
    Sealed,
    SharedBuffer,
    SharedSceneBuffer,
    ShmError,
    Stale,
    StillWritable,
    Store,
    StoreFull,
    SystemFailure,
    TooManyOpenFiles,
    UnsafeStore,
    UnsupportedVersion,
    WrongRole,
    __version__,
    gc,
)

__all__ = [
    "ArrayView",
    "BufferEdit",
    "BufferPool",
    "Busy",
    "CapacityExceeded",
    "Compressed",
    "Damaged",
    "Exhausted",
    "Forked",
    "Interrupted",
    "InvalidArgument",
    "InvalidDescriptor",
    "NameTaken",
    "NoSuchArray",
    "NotFound",
    "NotSealed",
    "OutOfMemory",
    "SceneDataKind",
    "SceneWriter",
    "Sealed",
    "SharedBuffer",
    "SharedSceneBuffer",
    "ShmError",
    "Stale",
    "StillWritable",
    "Store",
    "StoreFull",
    "SystemFailure",
    "TooManyOpenFiles",
    "UnsafeStore",
    "UnsupportedVersion",
    "WrongRole",
    "__version__",
    "gc",
]
