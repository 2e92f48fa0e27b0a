"""The peer ray: its object store, in a node of this process's own that goes with it.

python ray_store.py opening   time from a reference to the first byte, in a second process
python ray_store.py writing   time of `ray.put`
python ray_store.py consume   gets [address, {size: [reference, checksum]}, rounds] on stdin, and measures

Not in turns with the others: a node needs seconds to start, and its processes never rest.
"""

import base64
import json
import logging
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import ray
from peers import RAY
from rounds import GIB, HOT, MIDDLE, SIZES, Method, interleave, payload, progress, python, quick, rows

OPENING_ROUNDS = 50
WRITING_ROUNDS = 5
# All sizes once, and the largest once more while its predecessor goes.
STORE_BYTES = 3 * GIB
BLOCK_BYTES = GIB // 4


@contextmanager
def node() -> Iterator[str]:
    """A node without workers or dashboard; its address."""
    context = ray.init(
        address="local",
        num_cpus=0,
        num_gpus=0,
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield context.address_info["address"]
    finally:
        ray.shutdown()


def array(size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The payload as ray shares it without a copy: `bytes` would be copied by the one who gets them."""
    return np.frombuffer(payload(size), np.uint8)


def open_in_other(address: str, references: dict[int, Any], rounds: int) -> dict[int, list[float]]:
    """Have a second process check what references lead to, and time it, by size."""
    handles = {
        size: [base64.b64encode(ray.cloudpickle.dumps(reference)).decode(), zlib.crc32(payload(size))]
        for size, reference in references.items()
    }
    found = python("ray_store.py", "consume", stdin=json.dumps([address, handles, rounds]))
    return {int(size): seconds for size, seconds in found.items()}


def consume(address: str, handles: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    """Get objects of another process.

    Raises:
        RuntimeError: one is not the data.
    """
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    results = {}
    for size, (handle, expected) in handles.items():
        reference = ray.cloudpickle.loads(base64.b64decode(handle))
        if zlib.crc32(ray.get(reference)) != expected:
            raise RuntimeError("ray: what arrived is not what was sent")

        def method(reference: Any = reference) -> float:  # noqa: ANN401 (the peer has no types here)
            """Get once."""
            start = time.perf_counter()
            view = ray.get(reference)
            assert view[0] == 0
            return time.perf_counter() - start

        results[size] = interleave({RAY: method}, rounds)[RAY]
    ray.shutdown()
    return results


def putter(data: np.ndarray[Any, np.dtype[np.uint8]]) -> Method:
    """Put an object; its memory, which the node keeps, is free for the next one."""

    def method() -> float:
        """Put once."""
        start = time.perf_counter()
        _reference = ray.put(data)
        return time.perf_counter() - start

    return method


def opening() -> list[dict[str, Any]]:
    """Put one object of each size, and have a second process get them."""
    with node() as address:
        references = {size: ray.put(array(size)) for size in SIZES}
        found = open_in_other(address, references, 5 if quick() else OPENING_ROUNDS)
    return [row for size in SIZES for row in rows(size, "", {RAY: found[size]})]


def touch_memory() -> None:
    """Use all of the store's memory once, as a node has that is in use."""
    block = array(BLOCK_BYTES)
    blocks = [ray.put(block) for _ in range(STORE_BYTES // BLOCK_BYTES - 1)]
    del blocks


def writing() -> list[dict[str, Any]]:
    """Put objects of each size, and have a second process check one."""
    results = []
    with node() as address:
        touch_memory()
        for size in SIZES:
            data = array(size)
            rounds = 1 if quick() else WRITING_ROUNDS if size >= MIDDLE else 4 * WRITING_ROUNDS
            results += rows(size, HOT, interleave({RAY: putter(data)}, rounds, HOT))
            open_in_other(address, {size: ray.put(data)}, 0)
    return results


if __name__ == "__main__":
    match sys.argv[1]:
        case "consume":
            print(json.dumps(consume(*json.load(sys.stdin))))
        case "opening":
            progress("ray")
            print(json.dumps(opening()))
        case "writing":
            progress("ray")
            print(json.dumps(writing()))
