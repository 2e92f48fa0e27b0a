"""Map an array of a sealed, uncompressed scene with NumPy alone: no dcc_mcp_shm, only the descriptor.

    python examples/numpy_only.py position < descriptor.json

Such a map holds no lock: the scene may be deleted or expire afterwards, which leaves the map as it is.
"""

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def map_array(descriptor: dict[str, Any], name: str) -> np.memmap[Any, np.dtype[Any]]:
    """The array `name` where it lies in shared memory, read-only.

    Raises:
        ValueError: the scene is not sealed, or it is compressed.
        FileNotFoundError: it was deleted.
    """
    if descriptor["state"] != "sealed" or descriptor["use_compression"]:
        raise ValueError("only a sealed, uncompressed scene can be mapped")
    array = descriptor["arrays"][name]
    mapped = np.memmap(descriptor["path"], array["dtype"], "r", array["offset"], tuple(array["shape"]))
    # Memory of a scene that is deleted while it is opened may be used for another one. Once it is mapped it is not.
    Path(descriptor["path"]).stat()
    return mapped


if __name__ == "__main__":
    array = map_array(json.load(sys.stdin), sys.argv[1])
    print(f"{array.dtype} {array.shape}, from {array.min()} to {array.max()}, crc32 {zlib.crc32(array.data):08x}")
