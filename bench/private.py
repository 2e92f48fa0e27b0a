"""Private memory that one process needs at worst to publish or to use 1 GiB.

    python private.py             runs every path in a process of its own
    python private.py PATH        one of them; a consumer gets a descriptor on stdin

RssAnon is what is measured: memory of this process alone. The "private" pages of smaps are no measure, as shared pages
are among them for as long as no second process has mapped them; they are in the results as `smaps_private`.
"""

import json
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from rounds import GIB, MIB, payload, progress, python

SAMPLE_SECONDS = 0.001


def status(field: str, file: str = "status") -> int:
    """A field of /proc/self/status or smaps_rollup, in bytes."""
    lines = Path("/proc/self", file).read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def smaps_private() -> int:
    """Private_Clean + Private_Dirty."""
    return status("Private_Clean", "smaps_rollup") + status("Private_Dirty", "smaps_rollup")


class Peak:
    """Memory that this process needed above what it had, in bytes."""

    def __init__(self) -> None:
        """Measure from here on."""
        self.sampled = 0
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again
        self._before = status("RssAnon")
        self._resident = status("VmHWM") - status("RssShmem")
        self._smaps = smaps_private()

    def sample(self) -> None:
        """Take one sample."""
        self.sampled = max(self.sampled, status("RssAnon") - self._before)

    def result(self) -> dict[str, int]:
        """All measures: call it while the data is still mapped."""
        self.sample()
        return {
            "private": self.sampled,
            "high_water": status("VmHWM") - status("RssShmem") - self._resident,
            "smaps_private": smaps_private() - self._smaps,
        }


@contextmanager
def watched() -> Iterator[Peak]:
    """Sample all the time that the block takes."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        """Sample until the block is done."""
        while not done.wait(SAMPLE_SECONDS):
            peak.sample()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def fill() -> dict[str, Any]:
    """Producer, in place: piece by piece, as a program that computes its data does."""
    piece = np.frombuffer(payload(MIB), np.uint8)
    with watched() as peak:
        with SharedSceneBuffer.writer({"data": ("u1", (GIB // MIB, MIB))}) as w:
            np.asarray(w["data"])[:] = piece
        crc = zlib.crc32(w.scene["data"])
        return {"handle": w.scene.descriptor_json(), "checksum": crc, **peak.result()}


def write() -> dict[str, Any]:
    """Producer, one copy of data that it has."""
    data = payload(GIB)
    with watched() as peak:
        scene = SharedSceneBuffer.write(data)
    return {"handle": scene.descriptor_json(), "checksum": zlib.crc32(data), **peak.result()}


def view() -> dict[str, Any]:
    """Consumer, without a copy: every byte is read."""
    with watched() as peak:
        memory = SharedSceneBuffer.from_descriptor_json(sys.stdin.read()).view()
        return {"checksum": zlib.crc32(memory), **peak.result()}


def read() -> dict[str, Any]:
    """Consumer, a copy as `bytes`."""
    with watched() as peak:
        data = SharedSceneBuffer.from_descriptor_json(sys.stdin.read()).read()
        return {"checksum": zlib.crc32(data), **peak.result()}


PATHS: dict[str, Callable[[], dict[str, Any]]] = {"in place": fill, "write": write, "view": view, "read": read}


def pair(producer: str, consumer: str) -> list[dict[str, Any]]:
    """A producer that exits, then a consumer.

    Raises:
        RuntimeError: what arrived is not what was sent.
    """
    progress(f"{producer}, then {consumer}")
    made = python("private.py", producer)
    handle = made.pop("handle")
    try:
        used = python("private.py", consumer, stdin=handle)
    finally:
        SharedSceneBuffer.from_descriptor_json(handle).unlink()
    if made.pop("checksum") != used.pop("checksum"):
        raise RuntimeError(f"{producer}, {consumer}: what arrived is not what was sent")
    return [{"path": producer, "side": "producer", **made}, {"path": consumer, "side": "consumer", **used}]


def main() -> None:
    """Print the results as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(PATHS[sys.argv[1]]()))
    else:
        print(json.dumps(pair("in place", "view") + pair("write", "read")))


if __name__ == "__main__":
    main()
