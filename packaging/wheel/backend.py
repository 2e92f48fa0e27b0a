"""Builds the wheel and the source distribution (PEP 517): maturin's work, with the server as the wheel's command.

maturin packs either a module or a program. So the program is packed first, with the same options, and what that wheel
has as a script becomes a script of the module's wheel. It is started directly: a Python function as entry point would
have to start Python first.
"""

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import maturin
from maturin import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

COMMAND = "dcc-mcp-shm"
# What maturin finds beside pyproject.toml, by the name of the module, becomes the directory of data in the wheel.
DATA = Path("dcc_mcp_shm._native.data")

Settings = Mapping[str, str | list[str]] | None


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build the wheel with module and command; gives its file name."""
    with _command(config_settings):
        return str(maturin.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel that refers to this directory's Python files; gives its file name."""
    with _command(config_settings):
        return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))


@contextlib.contextmanager
def _command(settings: Settings) -> Iterator[None]:
    """The server, built, where maturin looks for scripts."""
    scripts = DATA / "scripts"
    try:
        # What a build that was killed has left.
        shutil.rmtree(DATA, ignore_errors=True)
        scripts.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as out:
            with contextlib.chdir("server"):
                wheel = maturin.build_wheel(out, settings)
            with zipfile.ZipFile(Path(out, wheel)) as archive:
                (script,) = (name for name in archive.namelist() if name.endswith(f".data/scripts/{COMMAND}"))
                with archive.open(script) as source, (scripts / COMMAND).open("wb") as target:
                    shutil.copyfileobj(source, target)
        (scripts / COMMAND).chmod(0o755)
        yield
    finally:
        # What a later build finds there would become a part of it.
        shutil.rmtree(DATA, ignore_errors=True)
