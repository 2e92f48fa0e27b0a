# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions run here, and whether the Python module is the one that came with the extension."""

import platform
import sys
import tomllib
from pathlib import Path

import bpy
import dcc_mcp_shm

from .log import LOG

VERSION: str = tomllib.loads(Path(__file__).with_name("blender_manifest.toml").read_text(encoding="utf-8"))["version"]


def problem() -> str:
    """Why the module is not that of this extension, and what to do; empty if it is."""
    if dcc_mcp_shm.__version__ == VERSION:
        return ""
    where = Path(dcc_mcp_shm.__file__).parent
    found = f"Python module {dcc_mcp_shm.__version__} is in use, and the extension is {VERSION}."
    if where.is_relative_to(bpy.utils.user_resource("EXTENSIONS")):
        return f"{found} Restart Blender."
    # What was installed by pip comes first on the path.
    return f"{found} Remove the one in {where}: {sys.executable} -m pip uninstall dcc-mcp-shm. Then restart Blender."


def write_to_log() -> None:
    """What someone who reads the log has to know first."""
    LOG.info(
        "extension %s, module %s in %s, Blender %s, Python %s, %s",
        VERSION,
        dcc_mcp_shm.__version__,
        Path(dcc_mcp_shm.__file__).parent,
        bpy.app.version_string,
        platform.python_version(),
        platform.platform(),
    )
    if problem():
        LOG.error(problem())
