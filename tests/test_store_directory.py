"""A store's directory that is removed, another user's, or named by a relative path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import RunPython
from dcc_mcp_shm import NotFound, SharedSceneBuffer, Store, UnsafeStore


def test_a_kept_store_works_again_when_its_directory_was_removed(store: Store) -> None:
    kept = Store(store.path)
    for turn in range(3):
        SharedSceneBuffer.write(b"data", name="hero", store=kept)
        scene = SharedSceneBuffer.open("hero", store=kept)
        assert [descriptor["id"] for descriptor in kept.list()] == [scene.id], turn
        shutil.rmtree(kept.path)
        with pytest.raises(NotFound):
            kept.describe("hero")
        assert (kept.list(), kept.pools(), kept.used_bytes() >= 0, kept.quota) == ([], [], True, None)
        assert kept.gc()["removed"] == []


def test_a_store_that_others_were_let_into_is_refused_until_it_is_private_again(store: Store) -> None:
    kept = Store(store.path)
    Path(kept.path).chmod(0o755)
    with pytest.raises(UnsafeStore, match="others can enter it"):
        kept.list()
    Path(kept.path).chmod(0o700)
    assert kept.list() == []


def test_not_found_says_that_the_directory_is_not_there(store: Store) -> None:
    scene = SharedSceneBuffer.write(b"data")
    descriptor = scene.descriptor_json()
    scene.unlink()
    with pytest.raises(NotFound, match="it was deleted"):
        SharedSceneBuffer.from_descriptor_json(descriptor)
    shutil.rmtree(store.path)
    with pytest.raises(NotFound, match=r"there is no store at .* container"):
        SharedSceneBuffer.from_descriptor_json(descriptor)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_store_of_another_user_is_unsafe(store: Store) -> None:
    Path(store.path).parent.chmod(0o755)
    code = """
import os, sys
import dcc_mcp_shm as shm
os.setuid(65534)
for call in (lambda: shm.Store(sys.argv[1]), lambda: shm.Store(), lambda: shm.SharedSceneBuffer.write(b"")):
    try:
        call()
    except shm.UnsafeStore as error:
        assert "it belongs to user 0, not to 65534" in str(error), error
        assert "denied" not in str(error), error
    else:
        raise AssertionError("opened")
"""
    done = subprocess.run([sys.executable, "-c", code, store.path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_shared_directory_is_refused_with_advice(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(UnsafeStore, match=r"users share .*inside of it"):
        Store(tmp_path)


def test_a_relative_directory_is_warned_of(run_python: RunPython, tmp_path: Path) -> None:
    code = """
import os, sys, warnings
import dcc_mcp_shm as shm
os.chdir(sys.argv[1])
os.environ["DCC_MCP_SHM_DIR"] = "scenes"
for call in (shm.Store, lambda: shm.SharedSceneBuffer.write(b"", name="a", replace=True)):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    (warning,) = caught
    assert "a relative path" in str(warning.message) and sys.argv[1] in str(warning.message), warning.message
with warnings.catch_warnings():
    warnings.simplefilter("error")
    shm.Store("scenes")
    os.environ["DCC_MCP_SHM_DIR"] = os.path.abspath("scenes")
    print(shm.Store().list()[0]["name"])
"""
    assert run_python(code, str(tmp_path)) == "a"
