"""The shared memory API of dcc-mcp-core, served by dcc_mcp_shm.

Programs that follow that package's page of its shared memory (``PySharedSceneBuffer``) run unchanged. This module is a
distribution of its own because another project of that name is on PyPI: install one or the other.
"""

from dcc_mcp_shm import BufferPool as PyBufferPool
from dcc_mcp_shm import SceneDataKind as PySceneDataKind
from dcc_mcp_shm import SharedBuffer as PySharedBuffer
from dcc_mcp_shm import SharedSceneBuffer as PySharedSceneBuffer

__all__ = ["PyBufferPool", "PySceneDataKind", "PySharedBuffer", "PySharedSceneBuffer"]
