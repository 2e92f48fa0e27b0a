"""Little memory left in a cgroup is an error and never the end of a process, whoever takes memory meanwhile."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1 << 20
LIMIT = 256 * MIB
WRITERS = 4
ROUNDS = int(os.environ.get("DCC_MCP_SHM_TEST_ROUNDS", "5"))

# Takes memory until there is none, gives it back, and begins anew; others do the same at the same time.
WRITER = """
import collections, json, os, sys, threading
import numpy as np
import dcc_mcp_shm as shm

kind, size, rounds, workers, by = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
sys.stdin.readline()  # In its cgroup from here on.
data = np.full(size, 7, "u1").tobytes()

def scene():
    return shm.SharedSceneBuffer.write(data)

def in_place():
    with shm.SharedSceneBuffer.writer({"a": ("u1", size)}) as w:
        np.asarray(w["a"])[:] = 7
    return w.scene

def compressed():
    return shm.SharedSceneBuffer.write(noise, use_compression=True)

def buffer():
    return shm.SharedBuffer.create(size)

def pool():
    return shm.BufferPool(4, size // 4)

class Unfinished:
    def __init__(self):
        self.writer = shm.SharedSceneBuffer.writer({"a": ("u1", size)})
        np.asarray(self.writer["a"])[:] = 7

    def unlink(self):
        self.writer.abort()

    def close(self):
        del self.writer

noise = np.random.default_rng(1).bytes(size)
ways = {"scene": scene, "in place": in_place, "compressed": compressed, "buffer": buffer, "pool": pool}
make = (ways | {"unfinished": Unfinished})[kind]
counts = collections.Counter()

def work(barrier):
    for _ in range(rounds):
        barrier.wait()
        made = []
        try:
            while True:
                made.append(make())
                counts["made"] += 1
        except shm.StoreFull as error:
            counts["full"] += 1
            counts[error.limit] += 1
        # All of them before anybody gives any back.
        barrier.wait()
        for one in made:
            one.unlink()
            one.close()

if by == "threads":
    barrier = threading.Barrier(workers)
    threads = [threading.Thread(target=work, args=(barrier,)) for _ in range(workers)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
else:
    import multiprocessing
    fork = multiprocessing.get_context("fork")
    barrier, results = fork.Barrier(workers), fork.SimpleQueue()
    def child():
        work(barrier)
        results.put(dict(counts))
    children = [fork.Process(target=child) for _ in range(workers)]
    [process.start() for process in children]
    [process.join() for process in children]
    assert [process.exitcode for process in children] == [0] * workers, [process.exitcode for process in children]
    for _ in children:
        counts.update(results.get())
print(json.dumps(counts))
"""


class Cgroup:
    """A memory cgroup of this test's, of the version that the machine has."""

    def __init__(self, limit: int) -> None:
        """Make it, with a limit in bytes."""
        v1, v2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
        root, self.of_limit = (v1, "memory.limit_in_bytes") if v1.is_dir() else (v2, "memory.max")
        if root == v2:
            (v2 / "cgroup.subtree_control").write_text("+memory")
        self.path = root / f"dcc-mcp-shm-test-{uuid.uuid4().hex[:8]}"
        self.path.mkdir()
        (self.path / self.of_limit).write_text(str(limit))

    def add(self, pid: int) -> None:
        """Put a process there."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove it, which is empty by now."""
        self.path.rmdir()


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    """Needs the right to make one, which root has unless it is in a container that keeps it from it."""
    try:
        cgroup = Cgroup(LIMIT)
    except OSError as error:
        if os.geteuid() == 0 and not isinstance(error, PermissionError) and "Read-only" not in str(error):
            raise
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield cgroup
    cgroup.remove()


@pytest.mark.parametrize("by", ["processes", "threads"])
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("scene", 60 * MIB),
        ("scene", 200 << 10),
        ("in place", 60 * MIB),
        ("in place", 200 << 10),
        ("compressed", 60 * MIB),
        ("unfinished", 2 * MIB),
        ("buffer", 60 * MIB),
        ("pool", 60 * MIB),
    ],
)
def test_writers_that_race_for_the_last_memory_are_refused_and_not_killed(
    cgroup: Cgroup, kind: str, size: int, by: str
) -> None:
    """The kernel would end a process that takes the last memory of its cgroup."""
    command = [sys.executable, "-c", WRITER, kind, str(size), str(ROUNDS), str(WRITERS), by]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        cgroup.add(process.pid)
        out, _ = process.communicate("\n", timeout=300)
    assert process.returncode == 0
    counts = json.loads(out)
    assert counts["full"] == counts["memory limit of the container or cgroup"] == WRITERS * ROUNDS, counts
