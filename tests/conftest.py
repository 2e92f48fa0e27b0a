"""A store for each test, and Python in other processes."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dcc_mcp_shm import Store

RunPython = Callable[..., str]


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The default store of this test and of the processes that it starts."""
    parent = Path(tempfile.mkdtemp(prefix="dcc-mcp-shm-test-", dir="/dev/shm"))
    monkeypatch.setenv("DCC_MCP_SHM_DIR", str(parent / "store"))
    yield Store()
    shutil.rmtree(parent)


@pytest.fixture
def run_python() -> RunPython:
    """Runs code in another process that must succeed, and returns what it printed."""

    def run(code: str, *arguments: str) -> str:
        command = [sys.executable, "-W", "error", "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
