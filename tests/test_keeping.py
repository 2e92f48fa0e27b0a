"""How long a buffer stays can be changed, by whoever has it or knows it."""

import json
from typing import Any

import dcc_mcp_shm as shm
import pytest
from conftest import RunPython
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store


def left_by_a_sweep(store: Store) -> set[str]:
    return {entry["id"] for entry in store.gc()["kept"]}


def test_what_is_kept_survives_a_sweep_and_the_rest_goes(store: Store) -> None:
    kept = [SharedSceneBuffer.write(b"scene", ttl=1e-9).id, SharedBuffer.create(8, ttl=1e-9).id]
    hour = SharedSceneBuffer.write(b"scene", name="hour", ttl=1e-9).id
    other = SharedSceneBuffer.write(b"other", ttl=1e-9).id
    for one in kept:
        store.keep(one)
    store.keep("hour", ttl=3600)
    assert left_by_a_sweep(store) == {*kept, hour}
    assert store.describe(hour)["ttl_seconds"] == 3600
    assert "expires" in store.describe(hour)
    with pytest.raises(shm.NotFound):
        store.keep(other)
    store.keep(store.describe(hour), 1e-9)
    assert left_by_a_sweep(store) == set(kept)


@pytest.mark.usefixtures("store")
def test_a_handle_says_and_changes_how_long_it_stays() -> None:
    scene = SharedSceneBuffer.write(b"scene")
    buffer = SharedBuffer.create(8, ttl=5)
    assert (scene.ttl, buffer.ttl) == (900, 5)
    for one in (scene, buffer):
        for ttl in (0, 7200.5, 60):
            one.ttl = ttl
            assert one.ttl == ttl
            assert json.loads(one.descriptor_json())["ttl_seconds"] == ttl
    other = SharedSceneBuffer.open(scene.id)
    scene.ttl = 0
    assert other.ttl == 0
    other.unlink()
    with pytest.raises(shm.NotFound):
        scene.ttl = 5


def test_another_process_keeps_what_it_did_not_make(store: Store, run_python: RunPython) -> None:
    scene = SharedSceneBuffer.write(b"scene", name="hero", ttl=1e-9)
    run_python("import dcc_mcp_shm as shm; shm.Store().keep('hero')")
    scene_id = scene.id
    scene.close()
    assert left_by_a_sweep(store) == {scene_id}


@pytest.mark.parametrize("ttl", [-1, float("nan"), float("inf"), 1e12, 10**400])
def test_what_is_no_time_changes_nothing(store: Store, ttl: Any) -> None:
    scene = SharedSceneBuffer.write(b"scene", name="hero")
    with pytest.raises(shm.InvalidArgument, match="ttl"):
        store.keep("hero", ttl)
    with pytest.raises(shm.InvalidArgument, match="ttl"):
        scene.ttl = ttl
    with pytest.raises(TypeError, match="ttl"):
        scene.ttl = "5"  # type: ignore[assignment]
    assert scene.ttl == 900


def test_a_pool_has_something_else(store: Store) -> None:
    pool = BufferPool(1, 64, "frames")
    slot = pool.acquire()
    with pytest.raises(shm.WrongRole, match="persistent"):
        store.keep("frames")
    with pytest.raises(shm.WrongRole, match="with its pool"):
        slot.ttl = 0
