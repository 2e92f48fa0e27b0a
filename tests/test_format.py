"""What docs/format.md says of compressed payloads, done by other means: LZ4 in C, NumPy, and the code on the page."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
from support import ROOT

Array = np.ndarray[Any, Any]


def join_bits() -> Callable[[Array], Array]:
    """The function on the page."""
    page = (ROOT / "docs" / "format.md").read_text()
    (code,) = re.findall(r"```python\n(def join_bits.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"numpy": np}
    exec(code, names)  # noqa: S102 (a page of this repository)
    function: Callable[[Array], Array] = names["join_bits"]
    return function


def frames(file: bytes) -> tuple[dict[str, Any], list[Array]]:
    """The metadata of a compressed scene's file, and its chunks as the C library unpacks them."""
    header_len, metadata_len = (int.from_bytes(file[at : at + 4], "little") for at in (12, 128))
    metadata = json.loads(file[136 : 136 + metadata_len])
    index_len = int.from_bytes(file[header_len + 4 : header_len + 8], "little")
    index = np.frombuffer(file, "<u4", index_len // 4, header_len + 8)
    ends = np.cumsum(index, dtype=np.int64) + header_len + 8 + index_len
    starts = ends - index
    return metadata, [
        np.frombuffer(lz4.frame.decompress(file[start:end]), "u1") for start, end in zip(starts, ends, strict=True)
    ]


def joined(chunk: Array, width: int, shuffled: object) -> Array:
    """A chunk with its shuffle undone, as the page says."""
    if not shuffled:
        return chunk
    lanes = chunk[: len(chunk) // width * width].reshape(width, -1)
    if shuffled == "bits":
        lanes = np.stack([join_bits()(lane) for lane in lanes])
    return np.concatenate([lanes.T.ravel(), chunk[lanes.size :]])


def unpacked(scene: SharedSceneBuffer) -> tuple[bytes, object]:
    """The bytes of a scene of one array without this package, and how it says that they are shuffled."""
    metadata, chunks = frames(Path(scene.path()).read_bytes())
    (array,) = metadata["arrays"].values()
    width = np.dtype(array["dtype"]).itemsize
    shuffled = array.get("shuffled", False)
    return b"".join(joined(chunk, width, shuffled).tobytes() for chunk in chunks), shuffled


def test_the_c_library_and_the_page_read_what_is_not_shuffled() -> None:
    image = np.zeros((700, 900, 4), "u1")
    image[200:300, :, 1] = np.arange(900) % 256
    data, shuffled = unpacked(SharedSceneBuffer.write_arrays({"pixels": image}, use_compression=True))
    assert (data, shuffled) == (image.tobytes(), False)


def test_the_c_library_and_the_page_read_shuffled_bytes() -> None:
    heights = np.sin(np.linspace(0, 40, 700_001)).astype("f8")
    data, shuffled = unpacked(SharedSceneBuffer.write_arrays({"height": heights}, use_compression=True))
    assert (data, shuffled) == (heights.tobytes(), True)


def test_the_c_library_and_the_page_read_shuffled_bits() -> None:
    points = np.arange(641 * 641, dtype="i4").reshape(641, 641)
    quads = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=-1)
    data, shuffled = unpacked(SharedSceneBuffer.write_arrays({"corner_vert": quads}, use_compression=True))
    assert (data, shuffled) == (quads.tobytes(), "bits")
