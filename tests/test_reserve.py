"""What a Python process does with memory that it keeps for what it makes next, and what it leaves of it."""

import os
import subprocess
import sys
from pathlib import Path

import dcc_mcp_shm
import pytest

SIZE = 1 << 20
KEEP = f"""
import dcc_mcp_shm, os, sys
scene = dcc_mcp_shm.SharedSceneBuffer.write(bytes([165]) * {SIZE})
scene.unlink()
del scene
assert any(name.endswith(".reserve") for name in os.listdir(os.environ["DCC_MCP_SHM_DIR"]))
"""


@pytest.fixture(autouse=True)
def reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, nothing is kept."""
    monkeypatch.setenv("DCC_MCP_SHM_RESERVE_BYTES", str(256 * SIZE))


def kept(store: dcc_mcp_shm.Store) -> list[str]:
    return [file.name for file in Path(store.path).iterdir() if file.suffix == ".reserve"]


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "os.fork() and os.wait()"])
def test_a_process_that_exits_at_once_leaves_nothing(store: dcc_mcp_shm.Store, end: str) -> None:
    environment = os.environ | {"DCC_MCP_SHM_DIR": store.path}
    subprocess.run([sys.executable, "-c", KEEP + end], env=environment, check=True, timeout=60)
    assert kept(store) == []


def test_what_a_process_left_without_a_word_is_used_by_the_next_or_collected(store: dcc_mcp_shm.Store) -> None:
    environment = os.environ | {"DCC_MCP_SHM_DIR": store.path}
    subprocess.run([sys.executable, "-c", KEEP + "os._exit(0)"], env=environment, check=True, timeout=60)
    assert len(kept(store)) == 1
    assert store.reserve_bytes() > SIZE
    scene = dcc_mcp_shm.SharedSceneBuffer.write(b"new" * (SIZE // 3))
    assert (kept(store), store.reserve_bytes()) == ([], 0)
    data = Path(scene.path()).read_bytes()
    assert data.endswith(b"new" * (SIZE // 3))
    assert bytes([165]) * 8 not in data
    subprocess.run([sys.executable, "-c", KEEP + "os._exit(0)"], env=environment, check=True, timeout=60)
    store.gc()
    assert kept(store) == []


def test_a_variable_that_is_no_number_is_refused(store: dcc_mcp_shm.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCC_MCP_SHM_RESERVE_BYTES", "much")
    with pytest.raises(dcc_mcp_shm.InvalidArgument, match="DCC_MCP_SHM_RESERVE_BYTES"):
        dcc_mcp_shm.Store(store.path)
