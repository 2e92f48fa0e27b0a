"""Writing again and again: new scenes while old ones go, and memory that is kept, against a copy into warm memory.

python warm.py         measures
python warm.py check   gets a descriptor on stdin and prints the checksum of the buffer
"""

import ctypes
import json
import os
import sys
import time
import zlib
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import iceoryx
import numpy as np
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer
from peers import FILE, ICEORYX, IN_PLACE, OURS, STDLIB, WARM, segment_name
from rounds import HOT, KIB, LARGE, MIB, MIDDLE, Method, interleave, payload, progress, python, quick, rows
from ways import WAYS, Remove, Way, attach_ours, mapped, without_tracker

ROUNDS = {MIDDLE: 15, LARGE: 5}
STEADY_ROUNDS = {16 * KIB: 200, 64 * KIB: 200, 256 * KIB: 200, MIB: 200, 4 * MIB: 100, **ROUNDS}
# As much as two frames of the largest size have; by default it is four of the middle one.
RESERVE_BYTES = 3 * LARGE
STEADY, KEPT = "each time new", "kept"

Array = np.ndarray[Any, np.dtype[np.uint8]]


def memcpy(data: bytes) -> Method:
    """One pass over memory that this process has had before: no way of sharing can be faster."""
    source, target = np.frombuffer(data, np.uint8), np.ones(len(data), np.uint8)

    def method() -> float:
        """Copy once."""
        start = time.perf_counter()
        np.copyto(target, source)
        return time.perf_counter() - start

    return method


def publish_in_place(data: bytes) -> tuple[str, Remove]:
    """Fill a new scene with NumPy."""
    with SharedSceneBuffer.writer({"data": ("u1", (len(data),))}) as w:
        np.copyto(np.asarray(w["data"]), np.frombuffer(data, np.uint8))
    return w.scene.descriptor_json(), w.scene.unlink


def steady(way: Way, data: bytes) -> Method:
    """Publish the next frame, and remove the last one."""
    remove_last = way.publish(data)[1]

    def method() -> float:
        """One frame."""
        nonlocal remove_last
        start = time.perf_counter()
        _, remove = way.publish(data)
        remove_last()
        seconds = time.perf_counter() - start
        remove_last = remove
        return seconds

    return method


def check(buffer: SharedBuffer, data: bytes) -> None:
    """Have another process compare what is in a slot.

    Raises:
        RuntimeError: it is not the data.
    """
    if python("warm.py", "check", stdin=buffer.descriptor_json()) != zlib.crc32(data):
        raise RuntimeError("what arrived is not what was sent")


def slot_write(pool: BufferPool, data: bytes) -> Method:
    """Get a slot, write to it, give it back."""
    with pool.acquire() as slot:
        slot.write(data)
        check(slot, data)

    def method() -> float:
        """One frame."""
        start = time.perf_counter()
        slot = pool.acquire()
        slot.write(data)
        slot.close()
        return time.perf_counter() - start

    return method


def slot_edit(pool: BufferPool, data: bytes) -> Method:
    """The same, but NumPy writes into the slot's memory."""
    source = np.frombuffer(data, np.uint8)

    def frame(slot: SharedBuffer) -> None:
        """Fill a slot."""
        with slot.edit(len(data)) as memory:
            np.copyto(np.frombuffer(memory, np.uint8), source)

    with pool.acquire() as first:
        frame(first)
        check(first, data)

    def method() -> float:
        """One frame."""
        start = time.perf_counter()
        slot = pool.acquire()
        frame(slot)
        slot.close()
        return time.perf_counter() - start

    return method


def segment_copy(segment: SharedMemory, data: bytes) -> Method:
    """Copy into a segment of the standard library that is kept; nothing tells a reader when."""

    def method() -> float:
        """One frame."""
        start = time.perf_counter()
        mapped(segment)[:] = data
        return time.perf_counter() - start

    return method


def sample_send(data: bytes) -> Method:
    """Loan a sample of iceoryx2, copy into it, send it to a receiver of this process."""
    service = iceoryx.data_service(iceoryx.node(), segment_name())
    subscriber = service.subscriber_builder().create()
    publisher = iceoryx.publisher(service, len(data))

    def method() -> float:
        """One frame."""
        start = time.perf_counter()
        sample = publisher.loan_slice_uninit(len(data))
        ctypes.memmove(sample.payload_ptr, data, len(data))
        sample.assume_init().send()
        seconds = time.perf_counter() - start
        received = subscriber.receive()
        assert ctypes.string_at(received.payload_ptr, iceoryx.TAIL) == data[: iceoryx.TAIL]
        received.delete()
        return seconds

    return method


def measure_steady(size: int) -> list[dict[str, Any]]:
    """Each frame is new, and the last one goes."""
    data = payload(size)
    ways = {way: WAYS[way] for way in (OURS, FILE, STDLIB)} | {IN_PLACE: Way(publish_in_place, attach_ours)}
    methods = {name: steady(way, data) for name, way in ways.items()}
    methods[WARM] = memcpy(data)
    return rows(size, STEADY, interleave(methods, 1 if quick() else STEADY_ROUNDS[size], HOT))


def measure_kept(size: int) -> list[dict[str, Any]]:
    """Memory that is there."""
    data = payload(size)
    segment = SharedMemory(segment_name(), create=True, size=size)
    with BufferPool(1, size) as pool:
        methods = {
            OURS: slot_write(pool, data),
            IN_PLACE: slot_edit(pool, data),
            WARM: memcpy(data),
            STDLIB: segment_copy(segment, data),
            ICEORYX: sample_send(data),
        }
        seconds = interleave(methods, 1 if quick() else ROUNDS[size], HOT)
        pool.unlink()
    segment.close()
    segment.unlink()
    return rows(size, KEPT, seconds)


def main() -> None:
    """Print the results as JSON."""
    without_tracker()
    if sys.argv[1:] == ["check"]:
        print(zlib.crc32(SharedBuffer.from_descriptor_json(sys.stdin.read()).view()))
        return
    os.environ["DCC_MCP_SHM_RESERVE_BYTES"] = str(RESERVE_BYTES)
    results = []
    for size in STEADY_ROUNDS:
        progress(f"{size:,} bytes, each time new")
        results += measure_steady(size)
    for size in ROUNDS:
        progress(f"{size:,} bytes, kept")
        results += measure_kept(size)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
