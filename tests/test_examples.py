"""The examples that need no DCC run as they stand."""

import re
import subprocess
import sys
import zlib

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, Store
from support import ROOT, files_of

EXAMPLES = ROOT / "examples"


def told_by(*command: str, text: str = "") -> str:
    """What an example prints."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_a_producer_and_a_consumer(store: Store) -> None:
    told = told_by(sys.executable, str(EXAMPLES / "share_and_read.py"))
    assert told == "1000000 points from [-1. -2. -3.] to [1. 2. 3.]"
    assert files_of(store) == []


def test_a_stream() -> None:
    told = told_by(sys.executable, str(EXAMPLES / "stream_frames.py"))
    seen = re.fullmatch(r"(\d+) of 300 frames seen, the middle one \S+ ms after it was made", told)
    assert seen
    assert int(seen[1]) > 0


def test_node_reads_an_array() -> None:
    points = np.linspace(-1, 1, 12, dtype="f4").reshape(4, 3)
    scene = SharedSceneBuffer.write_arrays({"position": points})
    node = str(ROOT / ".tools/node/bin/node")
    told = told_by(node, str(EXAMPLES / "node_read.mjs"), "position", text=scene.descriptor_json())
    assert told == f"Float32Array 4 x 3, first -1, crc32 {zlib.crc32(points.tobytes()):08x}"
