"""Count the system calls of each operation, for docs/architecture.md. Needs strace.

DCC_MCP_SHM_RESERVE_BYTES=0 strace -f -s 99 -o /tmp/trace .venv/bin/python bench/syscalls.py work
.venv/bin/python bench/syscalls.py count /tmp/trace
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store

MARK = re.compile(r'write\(-1, "(.*)", \d+\)')


def mark(operation: str) -> None:
    """Leave the operation's name in the trace: a write that fails and says so there."""
    try:
        os.write(-1, operation.encode())
    except OSError:
        return


def work(store: Store) -> None:
    """Do each operation once, after a first time that is not counted."""
    for size, text in ((4 << 10, "4 KiB"), (1 << 20, "1 MiB")):
        live(store, bytes(size), f", {text}", counted=False)
        live(store, bytes(size), f", {text}", counted=True)
    data = bytes(4096)
    mark("`write` with a name")
    named = SharedSceneBuffer.write(data, name="counted", store=store)
    mark("`open` by name")
    opened = SharedSceneBuffer.open("counted", store=store)
    mark("")
    named.close()
    opened.close()
    buffer = SharedBuffer.create(4096, store=store)
    mark("`SharedBuffer.write`")
    buffer.write(b"frame")
    mark("`SharedBuffer.read`")
    buffer.read()
    mark("")
    pool = BufferPool(2, 4096, store=store)
    pool.acquire().close()
    mark("`BufferPool.acquire`")
    slot = pool.acquire()
    mark("writing to the slot")
    slot.write(b"frame")
    mark("giving the slot back")
    slot.close()
    mark("")


def live(store: Store, data: bytes, size: str, *, counted: bool) -> None:
    """What a scene of this size goes through."""

    def named(operation: str) -> None:
        mark(operation + size if counted else "")

    named("`write`")
    scene = SharedSceneBuffer.write(data, store=store)
    named("`writer`, filled by NumPy")
    with SharedSceneBuffer.writer({"data": ("u1", (len(data),))}, store=store) as writer:
        np.asarray(writer["data"])[:] = 1
    named("`descriptor_json`")
    descriptor = scene.descriptor_json()
    named("`from_descriptor_json`")
    other = SharedSceneBuffer.from_descriptor_json(descriptor)
    named("`view`")
    view = other.view()
    named("`read`")
    other.read()
    named("closing, others have it open")
    del view
    other.close()
    named("closing, the last one")
    writer.scene.close()
    named("`unlink` and closing")
    scene.unlink()
    scene.close()
    mark("")


def count(trace: Path) -> None:
    """Print a table from a trace."""
    operation, calls = "", dict[str, list[str]]()
    for line in trace.read_text().splitlines():
        call = line.split(maxsplit=1)[1]
        if found := MARK.match(call):
            operation = found[1]
        elif operation and (name := re.match(r"\w+", call)):
            calls.setdefault(operation, []).append(name[0])
        if operation:
            calls.setdefault(operation, [])
    print("| operation | calls | which |\n|---|---:|---|")
    for operation, names in calls.items():
        times = {name: names.count(name) for name in dict.fromkeys(names)}
        which = ", ".join(f"{times[name]} {name}" if times[name] > 1 else name for name in times)
        print(f"| {operation} | {len(names)} | {which} |")


if __name__ == "__main__":
    if sys.argv[1] == "work":
        with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
            work(Store(Path(directory) / "store"))
    else:
        count(Path(sys.argv[2]))
