"""Limits of the process are errors in Python too, where the module is loaded at run time, and never its end."""

import os
import subprocess
import sys

import pytest
from conftest import RunPython
from dcc_mcp_shm import Store

# Tries everything with amounts of address space, of which the long variant takes more: from none to enough for threads,
# and the same on top of one copy of the data and of two.
SWEEP = """
import collections, errno, os, resource, sys
import numpy as np
import dcc_mcp_shm as shm

STEP, MOST, LEN = int(os.environ.get("DCC_MCP_SHM_TEST_AMOUNTS", "3")) << 16, 6 << 20, 16 << 20
ints = np.arange(LEN // 4, dtype="u4") // 3
noise = np.random.default_rng(1).bytes(LEN)
target = shm.SharedBuffer.create(LEN)
target.write(noise)
plain = shm.SharedSceneBuffer.write(noise)
small = shm.SharedSceneBuffer.write_arrays({"a": ints}, use_compression=True)
assert small.use_compression
shm.SharedSceneBuffer.write(noise, use_compression=True).unlink()

def right(copy, expected):
    assert memoryview(copy) == memoryview(expected), "wrong bytes"

def made(scene, expected):
    scene.unlink()
    for at in range(0, LEN, 1 << 20):
        assert scene.read(at, 1 << 20) == expected[at : at + (1 << 20)], "wrong bytes"

def filled():
    with shm.SharedSceneBuffer.writer({"a": ("u4", LEN // 4)}, use_compression=True, unlink_on_close=True) as writer:
        writer["a"] = ints
    writer.scene["a"][5]

bytes_of_ints = ints.tobytes()
ways = {
    "write": lambda: target.write(noise),
    "read": lambda: right(target.read(), noise),
    "read scene": lambda: right(plain.read(), noise),
    "view": lambda: right(target.view(), noise),
    "decompress": lambda: right(small.read(), bytes_of_ints),
    "array": lambda: small["a"][5],
    "write scene": lambda: made(shm.SharedSceneBuffer.write(noise), noise),
    "compress": lambda: made(shm.SharedSceneBuffer.write_arrays({"a": ints}, use_compression=True), bytes_of_ints),
    "fill": filled,
}

def mapped():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * 4096

def used():
    store = shm.Store()
    return store.used_bytes() - store.reserve_bytes()

counts = collections.Counter()
before = used()
_, hard = resource.getrlimit(resource.RLIMIT_AS)
amounts = [*range(0, MOST, STEP)]
amounts += [copies * LEN + more for copies in (1, 2) for more in range(0, MOST, 4 * STEP)]
for left in amounts:
    for name, way in ways.items():
        limit = mapped() + left
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        try:
            way()
            refused = None
        except (MemoryError, shm.OutOfMemory, shm.StoreFull) as error:
            refused = error
        except shm.SystemFailure as error:
            assert error.errno == errno.ENOMEM, error
            refused = error
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        counts[name, refused is None] += 1
        refused = None
    assert used() == before, f"with {left} bytes left, something was left behind"
assert counts["write", False] == 0, counts
assert counts["decompress", False] > len(amounts) // 3, counts
assert all(counts[name, True] for name in ways), counts
print(counts)
"""


# What was freed, and stacks of threads that have ended, are given back to the system at once: else there is memory
# enough.
AT_ONCE = "glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072:glibc.pthread.stack_cache_size=0"


@pytest.mark.parametrize("tunables", [AT_ONCE, f"{AT_ONCE}:glibc.malloc.arena_max=1"])
def test_with_any_amount_of_address_space_large_data_is_right_or_refused(store: Store, tunables: str) -> None:
    environment = os.environ | {"GLIBC_TUNABLES": tunables, "OPENBLAS_NUM_THREADS": "1", "DCC_MCP_SHM_DIR": store.path}
    done = subprocess.run(
        [sys.executable, "-c", SWEEP], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("disposition", ["SIG_DFL", "SIG_IGN"])
def test_a_limit_on_the_size_of_files_is_said(run_python: RunPython, disposition: str) -> None:
    code = (
        "import resource, signal, sys, dcc_mcp_shm as shm\n"
        "signal.signal(signal.SIGXFSZ, getattr(signal, sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))\n"
        "shm.SharedSceneBuffer.write(bytes(5000)).unlink()\n"
        "try:\n"
        "    shm.SharedSceneBuffer.write(bytes(20_000))\n"
        "except shm.StoreFull as full:\n"
        "    print(full.requested, full.available, 'ulimit -f' in full.limit, 'raise the limit' in str(full))"
    )
    assert run_python(code, disposition) == "24096 10000 True True"
