"""The peer ray: its object store, in a node of this process's own that goes with it.

python ray_store.py opening   time from a reference to the first byte, in a second process
python ray_store.py writing   time of `ray.put`
python ray_store.py consume   gets [address, {size: [reference, checksum]}] on stdin, and measures

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
from rounds import GIB, HOT, SIZES, Measurement, Method, only_ours, payload, progress, python, sweep

# Of each sweep.
OPENING_ROUNDS = 10
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


def open_in_other(address: str, references: dict[int, Any]) -> list[dict[str, Any]]:
    """Have a second process check what references lead to, and time it."""
    handles = {
        size: [base64.b64encode(ray.cloudpickle.dumps(reference)).decode(), zlib.crc32(payload(size))]
        for size, reference in references.items()
    }
    return list(python("ray_store.py", "consume", stdin=json.dumps([address, handles])))


def consume(address: str, handles: dict[str, Any]) -> list[dict[str, Any]]:
    """Get objects of another process.

    Raises:
        RuntimeError: one is not the data.
    """
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    measurements = []
    for size, (handle, expected) in handles.items():
        reference = ray.cloudpickle.loads(base64.b64decode(handle))
        if zlib.crc32(ray.get(reference)) != expected:
            raise RuntimeError("ray: what arrived is not what was sent")
        measurements.append(Measurement(int(size), "", {RAY: getter(reference)}, OPENING_ROUNDS))
    results = sweep(measurements)
    ray.shutdown()
    return results


def getter(reference: Any) -> Method:  # noqa: ANN401 (the peer has no types here)
    """Get an object, look at the first byte."""

    def method() -> float:
        """Get once."""
        start = time.perf_counter()
        view = ray.get(reference)
        assert view[0] == 0
        return time.perf_counter() - start

    return method


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
        return open_in_other(address, {size: ray.put(array(size)) for size in SIZES})


def touch_memory() -> None:
    """Use all of the store's memory once, as a node has that is in use."""
    block = array(BLOCK_BYTES)
    blocks = [ray.put(block) for _ in range(STORE_BYTES // BLOCK_BYTES - 1)]
    del blocks


def writing() -> list[dict[str, Any]]:
    """Put objects of each size, and have a second process check one."""
    with node() as address:
        touch_memory()
        arrays = {size: array(size) for size in SIZES}
        results = sweep([Measurement(size, HOT, {RAY: putter(data)}, 1) for size, data in arrays.items()])
        open_in_other(address, {size: ray.put(data) for size, data in arrays.items()})
    return results


if __name__ == "__main__":
    match sys.argv[1]:
        case "consume":
            print(json.dumps(consume(*json.load(sys.stdin))))
        case _ if only_ours():
            print("[]")
        case "opening":
            progress("ray")
            print(json.dumps(opening()))
        case "writing":
            progress("ray")
            print(json.dumps(writing()))
