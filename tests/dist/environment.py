"""An environment that somebody has who installs from a package: a Python of its own, and no Rust."""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from mcp import Client, StdioServerParameters
from support import ROOT

T = TypeVar("T")

DIST = ROOT / "dist"


def only(pattern: str) -> Path:
    """The one package of `make dist` with such a name."""
    (package,) = DIST.glob(pattern)
    return package


def wheel() -> Path:
    """The wheel of this machine's processor."""
    return only(f"dcc_mcp_shm-*_{platform.machine()}.whl")


class Environment:
    """A virtual environment, and what a program finds that is started in it."""

    def __init__(self, directory: Path) -> None:
        """Make it in a directory that is not there yet."""
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        self.bin = directory / "bin"
        of_ours = ("CARGO", "RUST", "PYTHON", "VIRTUAL")
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith(of_ours)}
        self.variables["PATH"] = str(self.bin)
        assert not shutil.which("cargo", path=self.variables["PATH"]), "Rust is not to be found here"

    def run(self, program: str, *arguments: str | Path) -> str:
        """What a program of it prints; it must succeed."""
        done = subprocess.run(
            [self.bin / program, *arguments],
            capture_output=True,
            text=True,
            env=self.variables | {"DCC_MCP_SHM_DIR": os.environ["DCC_MCP_SHM_DIR"]},
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def ask(command: Path, arguments: list[str], environment: dict[str, str], calls: Callable[[Client], Awaitable[T]]) -> T:
    """Starts a command as an MCP client does, and makes some calls."""

    async def session() -> T:
        store = {"DCC_MCP_SHM_DIR": os.environ["DCC_MCP_SHM_DIR"]}
        server = StdioServerParameters(command=str(command), args=arguments, env=environment | store)
        async with Client(server, read_timeout_seconds=120) as client:
            return await calls(client)

    return asyncio.run(session())
