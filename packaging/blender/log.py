# SPDX-FileCopyrightText: 2026 The dcc-mcp-shm authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that can be sent to whoever helps: a file in the extension's directory for user data."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

import bpy

LOG = logging.getLogger(__package__)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# The file and one older one.
MOST_BYTES = 1 << 20


def start(level: str) -> None:
    """Write to the file from now on; without one that can be written, to the terminal alone."""
    LOG.setLevel(level)
    try:
        handler = RotatingFileHandler(_wanted(), maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        LOG.warning("there is no log: %s", error)
        return
    # Several Blenders may write to it; lines of one are lost when another begins it anew.
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    LOG.addHandler(handler)


def stop() -> None:
    """Close the file."""
    for handler in LOG.handlers[:]:
        LOG.removeHandler(handler)
        handler.close()


def path() -> str:
    """The file; empty if none can be written."""
    return next((handler.baseFilename for handler in LOG.handlers if isinstance(handler, RotatingFileHandler)), "")


def words(error: Exception) -> str:
    """What a user is told of an error."""
    # Errors that the module foresees are one of these, and their words say what to do.
    if isinstance(error, RuntimeError | ValueError | OSError):
        return str(error)
    return f"{type(error).__name__}: {error}. The log says where"


def _wanted() -> Path:
    directory = bpy.utils.extension_path_user(__package__, create=True)
    if not directory:
        raise OSError("Blender cannot make the directory of this extension")
    return Path(directory) / "dcc_mcp_shm.log"
