"""``stats --prometheus``, read by the parser of Prometheus's own client."""

import json
import subprocess
import tempfile
from pathlib import Path

from dcc_mcp_shm import BufferPool, SharedSceneBuffer, Store
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support import SERVER

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def stats(directory: str, *options: str) -> str:
    """What the command prints for a store."""
    environment = {"DCC_MCP_SHM_DIR": directory}
    done = subprocess.run([SERVER, "stats", *options], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def samples(directory: str) -> Samples:
    """Each sample by its name and labels; the label of the store is that of all."""
    found: Samples = {}
    stores = set()
    for family in text_string_to_metric_families(stats(directory, "--prometheus")):
        assert family.type == "gauge"
        assert family.documentation
        assert family.samples
        for sample in family.samples:
            labels = dict(sample.labels)
            stores.add(labels.pop("store"))
            key = (sample.name.removeprefix("dcc_mcp_shm_"), tuple(labels.items()))
            assert key not in found
            found[key] = sample.value
    assert len(stores) == 1
    return found


def test_a_store_is_read_as_metrics(store: Store) -> None:
    held = SharedSceneBuffer.write(b"mesh", name="hero", kind="Geometry")
    SharedSceneBuffer.write(b"frame", kind="Screenshot")
    deleted = SharedSceneBuffer.write(bytes(1 << 20), name="old")
    pool = BufferPool.open_or_create(3, 4096, "viewport", persistent=True)
    slot = pool.acquire()
    store.delete("old")
    (Path(store.path) / "00000000-0000-4000-8000-000000000000.shm").write_bytes(b"junk")
    store.quota = 1 << 30
    found = samples(store.path)
    told = json.loads(stats(store.path, "--json"))
    for (name, labels), value in found.items():
        if not labels and name != "store_exists":
            assert told[name] == value, name
    for name, labels, expected in (
        ("store_exists", (), 1),
        ("buffers", (("kind", "Geometry"),), 1),
        ("buffers", (("kind", "Screenshot"),), 1),
        ("buffer_bytes", (("kind", "Screenshot"),), 5),
        ("pools", (), 1),
        ("slots", (("state", "free"),), 2),
        ("slots", (("state", "used"),), 1),
        ("holders", (), 1),
        ("damaged_files", (), 1),
        ("newer_files", (), 0),
        ("pending_files", (), 1),
        ("quota_bytes", (), 1 << 30),
        ("used_bytes", (), store.used_bytes()),
    ):
        assert found[name, labels] == expected, name
    assert found["pending_bytes", ()] >= 1 << 20
    assert 0 < found["free_bytes", ()] <= 1 << 30
    slot.close()
    deleted.close()
    held.close()


@given(st.text(st.sampled_from('"\\{}=, #\n\r\té頭\u202e'), min_size=1, max_size=12).filter(lambda name: name.strip()))
def test_a_path_of_any_characters_is_one_label(name: str) -> None:
    with tempfile.TemporaryDirectory() as parent:
        path = f"{parent}/{name}"
        families = list(text_string_to_metric_families(stats(path, "--prometheus")))
        labels = {sample.labels["store"] for family in families for sample in family.samples}
        assert len(families) == 8
        assert len(labels) == 1
        (label,) = labels
        # What a terminal would obey is spelled out.
        assert label.isprintable()
        assert (label == path) == name.isprintable()
