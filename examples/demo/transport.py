"""One side of one way of getting arrays from a process to another, timed; `compare.py` starts both sides.

    python transport.py WAY send|receive DATA_FD READY_FD

The sender reads the positions of the scene `demo/mesh` into memory of its own, waits until the receiver is ready, takes
the time, and sends. The receiver takes the time when it has arrays that it can compute with. Clocks are
CLOCK_MONOTONIC, the same in all processes. stdout gets one JSON object: {"at": seconds, "private": bytes, …}.
"""

import base64
import json
import os
import sys
import time
import zlib
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from memory import peak_bytes, reset_peak
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

SCENE = "demo/mesh"
ARRAY = "position"


def send_json(arrays: Arrays, pipe: IO[bytes]) -> int:
    """Numbers as text."""
    parts = {name: {"dtype": a.dtype.str, "values": a.tolist()} for name, a in arrays.items()}
    return pipe.write(json.dumps(parts).encode())


def receive_json(pipe: IO[bytes]) -> Arrays:
    """See :func:`send_json`."""
    return {name: np.array(a["values"], a["dtype"]) for name, a in json.loads(pipe.read()).items()}


def send_base64(arrays: Arrays, pipe: IO[bytes]) -> int:
    """Bytes as text in JSON, as MCP does with images."""
    parts = {
        name: {"dtype": a.dtype.str, "shape": a.shape, "data": base64.b64encode(a.data).decode()}
        for name, a in arrays.items()
    }
    return pipe.write(json.dumps(parts).encode())


def receive_base64(pipe: IO[bytes]) -> Arrays:
    """See :func:`send_base64`."""
    return {
        name: np.frombuffer(base64.b64decode(a["data"]), a["dtype"]).reshape(a["shape"])
        for name, a in json.loads(pipe.read()).items()
    }


def send_pipe(arrays: Arrays, pipe: IO[bytes]) -> int:
    """A line that says what comes, then the bytes as they are."""
    header = {name: [a.dtype.str, a.shape] for name, a in arrays.items()}
    sent = pipe.write(json.dumps(header).encode() + b"\n")
    return sent + sum(pipe.write(a.reshape(-1).view(np.uint8).data) for a in arrays.values())


def receive_pipe(pipe: IO[bytes]) -> Arrays:
    """See :func:`send_pipe`: read straight into the arrays."""
    arrays = {name: np.empty(shape, dtype) for name, (dtype, shape) in json.loads(pipe.readline()).items()}
    for array in arrays.values():
        memory = array.reshape(-1).view(np.uint8).data
        while memory:
            memory = memory[pipe.readinto(memory) :]  # type: ignore[attr-defined]  # IO[bytes] does not say it has it
    return arrays


def send_shared(arrays: Arrays, pipe: IO[bytes]) -> int:
    """One copy into shared memory, then the descriptor."""
    scene = SharedSceneBuffer.write_arrays(arrays)
    return pipe.write(scene.descriptor_json().encode())


def send_in_place(_arrays: Arrays, pipe: IO[bytes]) -> int:
    """Only the descriptor: the producer made its data in shared memory."""
    return pipe.write(SharedSceneBuffer.open(SCENE).descriptor_json().encode())


def receive_shared(pipe: IO[bytes]) -> Arrays:
    """See :func:`send_shared`: the arrays are the shared memory."""
    scene = SharedSceneBuffer.from_descriptor_json(pipe.read().decode())
    if scene.name != SCENE:
        scene.unlink()  # what is mapped stays
    return {ARRAY: np.asarray(scene[ARRAY])}


class Way(NamedTuple):
    """How arrays get from one process to another."""

    send: Callable[[Arrays, IO[bytes]], int]
    receive: Callable[[IO[bytes]], Arrays]


WAYS = {
    "JSON": Way(send_json, receive_json),
    "base64 in JSON": Way(send_base64, receive_base64),
    "pipe": Way(send_pipe, receive_pipe),
    "shared memory, copied in": Way(send_shared, receive_shared),
    "shared memory, made in place": Way(send_in_place, receive_shared),
}


def checksum(arrays: Arrays) -> int:
    """CRC-32 of all arrays, one after the other."""
    crc = 0
    for array in arrays.values():
        crc = zlib.crc32(array.data, crc)
    return crc


def send(way: Way, data: int, ready: int) -> dict[str, Any]:
    """Send when the receiver is ready."""
    with SharedSceneBuffer.open(SCENE) as scene:
        arrays = {ARRAY: np.array(scene[ARRAY])}
    with os.fdopen(ready, "rb") as wait:
        wait.read()
    reset_peak()
    before, start = peak_bytes(), time.monotonic()
    with os.fdopen(data, "wb") as pipe:
        sent = way.send(arrays, pipe)
    return {"at": start, "private": peak_bytes() - before, "bytes": sent, "checksum": checksum(arrays)}


def receive(way: Way, data: int, ready: int) -> dict[str, Any]:
    """Say that this side is ready, and receive."""
    reset_peak()
    before = peak_bytes()
    os.close(ready)
    with os.fdopen(data, "rb") as pipe:
        arrays = way.receive(pipe)
    at = time.monotonic()
    crc = checksum(arrays)  # touches all of it, before memory is measured
    return {"at": at, "private": peak_bytes() - before, "checksum": crc}


if __name__ == "__main__":
    side = {"send": send, "receive": receive}[sys.argv[2]]
    print(json.dumps(side(WAYS[sys.argv[1]], int(sys.argv[3]), int(sys.argv[4]))))
