"""How long `describe_buffer` takes for 1 GiB of float32, beside a plain sum over it, and the memory it needs."""

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, Store
from rounds import GIB, MIB, interleave, quick

from server.servers import ours

ROUNDS = 9

DESCRIBE, SUM = "describe_buffer", "numpy.sum of a new map"


class Described(NamedTuple):
    """What was measured."""

    seconds: dict[str, list[float]]
    # Most that was resident in the server, in bytes.
    peak: int


def publish(store: Store) -> dict[str, Any]:
    """Fill a scene with 256 times the same 4 MiB; its descriptor."""
    with SharedSceneBuffer.writer({"values": ("f4", GIB // 4)}, store=store) as w:
        np.asarray(w["values"]).reshape(-1, MIB)[:] = np.arange(MIB, dtype=np.float32)
    descriptor: dict[str, Any] = json.loads(w.scene.descriptor_json())
    return descriptor


def measure(program: Path, directory: Path) -> Described:
    """Describe and sum the same array, taking turns."""
    descriptor = publish(Store(directory))
    array = descriptor["arrays"]["values"]
    with ours(program, directory).start() as client:

        def describe() -> float:
            """Describe it once."""
            seconds, result = client.call("describe_buffer", {"buffer": descriptor["id"]})
            assert result["structuredContent"]["arrays"][0]["max"] == MIB - 1
            return seconds

        def plain_sum() -> float:
            """Map it anew and sum it."""
            start = time.perf_counter()
            values = np.memmap(descriptor["path"], array["dtype"], "r", array["offset"], tuple(array["shape"]))
            values.sum()
            return time.perf_counter() - start

        methods = {DESCRIBE: describe, SUM: plain_sum}
        for warm_up in methods.values():
            warm_up()
        seconds = interleave(methods, 2 if quick() else ROUNDS)
        return Described(seconds, client.memory("VmHWM"))
