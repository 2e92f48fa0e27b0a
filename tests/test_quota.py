"""A quota is kept to the byte, although not every new file needs a sum over all others."""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store, StoreFull

MB = 1_000_000
DATA = b"7" * MB
# Of `.store`: one more than the most bytes that can be used.
MOST_USED_AT = 40


def test_what_is_deleted_makes_room_at_once(store: Store) -> None:
    store.quota = 3 * MB
    scene = SharedSceneBuffer.write(DATA)
    for _ in range(50):
        following = SharedSceneBuffer.write(DATA)
        scene.unlink()
        scene.close()
        scene = following


@pytest.mark.parametrize("use_compression", [False, True])
def test_not_one_byte_more_fits(store: Store, use_compression: bool) -> None:
    noise = np.random.default_rng(1).bytes(20 * MB)
    with SharedSceneBuffer.write(noise, use_compression=use_compression) as scene:
        size = store.used_bytes()
        scene.unlink()
    SharedSceneBuffer.write(DATA, name="other")
    for spare in (0, -1):
        store.quota = store.used_bytes() + size + spare
        if spare < 0:
            with pytest.raises(StoreFull, match="quota"):
                SharedSceneBuffer.write(noise, use_compression=use_compression)
        else:
            SharedSceneBuffer.write(noise, use_compression=use_compression).unlink()


def test_a_quota_counts_what_was_made_before_it(store: Store) -> None:
    store.quota = 10 * MB
    SharedSceneBuffer.write(DATA)
    store.quota = None
    for _ in range(3):
        SharedSceneBuffer.write(DATA)
    store.quota = 5 * MB
    with pytest.raises(StoreFull, match="quota"):
        SharedSceneBuffer.write(DATA)


@pytest.mark.parametrize("word", [1, 2**63, 2**64 - 1])
def test_a_sum_that_something_else_changed_is_not_believed_for_long(store: Store, word: int) -> None:
    """One that is too small lets too much in for some seconds; it never keeps anybody out."""
    store.quota = 5 * MB
    SharedSceneBuffer.write(DATA)
    with (Path(store.path) / ".store").open("r+b") as record:
        record.seek(MOST_USED_AT)
        record.write(struct.pack("<Q", word))
    SharedSceneBuffer.write(DATA)


@pytest.mark.parametrize("damage", [b"", b"no record" * 600])
def test_a_damaged_record_does_not_keep_a_store_with_a_quota_from_working(store: Store, damage: bytes) -> None:
    """Another process, which has not mapped it, makes it anew."""
    store.quota = 5 * MB
    SharedSceneBuffer.write(DATA)
    (Path(store.path) / ".store").write_bytes(damage)
    code = "import dcc_mcp_shm as shm; shm.SharedSceneBuffer.write(b'7' * 1_000_000); shm.Store().quota = 6_000_000"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert (Store(store.path).quota, len(Store(store.path).list())) == (6 * MB, 2)


KILLED = """
import numpy as np, dcc_mcp_shm as shm
w = shm.SharedSceneBuffer.writer({"a": ("u1", 8_000_000)})
np.asarray(w["a"])[:] = 7
print("filled", flush=True)
input()
"""


def test_what_a_killed_writer_had_taken_is_there_again(store: Store) -> None:
    store.quota = 10 * MB
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == b"filled\n"
            with pytest.raises(StoreFull, match="quota"):
                SharedSceneBuffer.write(b"7" * 8 * MB)
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        SharedSceneBuffer.write(b"7" * 8 * MB).unlink()
