"""The ways of sharing bytes that are compared: each publishes, attaches from another process, and removes."""

import importlib
import json
import mmap
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from dcc_mcp_shm import SharedSceneBuffer
from numpy.typing import NDArray
from peers import ARROW, CORE, FILE, MEMMAP, MEMORY, NOTES_VARIABLE, OURS, STDLIB, segment_name

Remove = Callable[[], None]
# Text that publishing gave, to a context with what it leads to.
Attach = Callable[[str], AbstractContextManager[Any]]


class Way(NamedTuple):
    """How bytes get into shared memory, and to a second process.

    `publish` returns a handle that is text, and what removes the data again.
    """

    publish: Callable[[bytes], tuple[str, Remove]]
    attach: Attach


_REGISTER, _UNREGISTER = resource_tracker.register, resource_tracker.unregister


def _nothing(*_: object) -> None:
    """Tell the tracker nothing."""


def without_tracker() -> None:
    """Do for SharedMemory what `track=False` does in Python 3.13: no word to the resource tracker."""
    resource_tracker.register = _nothing  # type: ignore[assignment]  # replacing it is what is meant
    resource_tracker.unregister = _nothing  # type: ignore[assignment]


def publish_ours(data: bytes) -> tuple[str, Remove]:
    """Write a sealed scene."""
    scene = SharedSceneBuffer.write(data)
    return scene.descriptor_json(), scene.unlink


@contextmanager
def attach_ours(handle: str) -> Iterator[memoryview]:
    """Open a descriptor."""
    yield SharedSceneBuffer.from_descriptor_json(handle).view()


def publish_file(data: bytes) -> tuple[str, Remove]:
    """Write a new file in tmpfs with `os.write`."""
    path = MEMORY / segment_name()
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.close(file)
    return str(path), path.unlink


@contextmanager
def attach_file(handle: str) -> Iterator[memoryview]:
    """Map a file with nothing but the module mmap."""
    file = os.open(handle, os.O_RDONLY)
    memory = mmap.mmap(file, 0, prot=mmap.PROT_READ)
    os.close(file)
    yield memoryview(memory)


def publish_memmap(data: bytes) -> tuple[str, Remove]:
    """Make a file in tmpfs with numpy.memmap and copy into it."""
    path = MEMORY / segment_name()
    array = np.memmap(path, np.uint8, "w+", shape=len(data))
    array[:] = np.frombuffer(data, np.uint8)
    return str(path), path.unlink


@contextmanager
def attach_memmap(handle: str) -> Iterator[NDArray[np.uint8]]:
    """Map a file with numpy.memmap."""
    yield np.memmap(handle, np.uint8, "r")


def publish_arrow(data: bytes) -> tuple[str, Remove]:
    """Write a record batch of one column, as an IPC file in tmpfs."""
    path = MEMORY / segment_name()
    column = pa.Array.from_buffers(pa.uint8(), len(data), [None, pa.py_buffer(data)])
    batch = pa.record_batch([column], names=["data"])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    return str(path), path.unlink


@contextmanager
def attach_arrow(handle: str) -> Iterator[NDArray[np.uint8]]:
    """Map the file; the column's memory is the file's."""
    with pa.memory_map(handle) as file:
        yield pa.ipc.open_file(file).get_batch(0).column(0).to_numpy(zero_copy_only=True)


def mapped(segment: SharedMemory) -> memoryview:
    """Memory of a segment that is open."""
    assert segment.buf is not None
    return segment.buf


def publish_stdlib(data: bytes) -> tuple[str, Remove]:
    """Create a segment and copy into it."""
    segment = SharedMemory(segment_name(), create=True, size=len(data))
    mapped(segment)[:] = data

    def remove() -> None:
        """Unmap and unlink."""
        segment.close()
        segment.unlink()

    return segment.name, remove


@contextmanager
def attach_stdlib(handle: str) -> Iterator[memoryview]:
    """Attach to a segment; the tracker hears of it unless :func:`without_tracker`."""
    segment = SharedMemory(handle)
    yield mapped(segment)
    segment.close()


@contextmanager
def attach_tracked(handle: str) -> Iterator[memoryview]:
    """Attach as Python does by default, and at the end take the segment from the tracker, which would unlink it."""
    resource_tracker.register = _REGISTER
    segment = SharedMemory(handle)
    yield mapped(segment)
    _UNREGISTER(f"/{handle}", "shared_memory")
    without_tracker()
    segment.close()


def core() -> Any:  # noqa: ANN401 (the peer in .venv-bench; elsewhere our module of its name)
    """The module dcc_mcp_core."""
    return importlib.import_module("dcc_mcp_core")


def publish_core(data: bytes) -> tuple[str, Remove]:
    """Write a scene; it goes when the object does."""
    holder = [core().PySharedSceneBuffer.write(data, core().PySceneDataKind.Geometry, "bench", False)]
    handle = str(holder[0].descriptor_json())
    storage = json.loads(handle)["storage"]
    parts = [part["descriptor"] for part in storage["chunks"]] if "chunks" in storage else [storage]
    with Path(os.environ[NOTES_VARIABLE]).open("a") as notes:
        notes.writelines(f"{part['name']}\n" for part in parts)
    return handle, holder.clear


@contextmanager
def attach_core(handle: str) -> Iterator[bytes]:
    """Read a scene of one part, as there are no views."""
    storage = json.loads(handle)["storage"]
    yield core().PySharedBuffer.open(storage["name"], storage["id"]).read()


WAYS = {
    OURS: Way(publish_ours, attach_ours),
    FILE: Way(publish_file, attach_file),
    MEMMAP: Way(publish_memmap, attach_memmap),
    STDLIB: Way(publish_stdlib, attach_stdlib),
    CORE: Way(publish_core, attach_core),
    ARROW: Way(publish_arrow, attach_arrow),
}


def checksum(way: str, handle: str) -> int:
    """CRC-32 of what another process published."""
    without_tracker()
    with WAYS[way].attach(handle) as view:
        return zlib.crc32(view)
