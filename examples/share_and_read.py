"""The smallest producer and consumer: only the descriptor goes from one process to the other.

python examples/share_and_read.py
"""

import subprocess
import sys

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer


def produce() -> str:
    """Fill a scene in place; its descriptor. The scene outlives this function, and this process."""
    with SharedSceneBuffer.writer({"position": ("f4", (1_000_000, 3), "point")}, kind="Geometry") as w:
        np.asarray(w["position"])[:] = np.linspace((-1, -2, -3), (1, 2, 3), 1_000_000)
    return w.scene.descriptor_json()


def consume(descriptor: str) -> None:
    """Compute on the array where it lies, then delete the scene."""
    scene = SharedSceneBuffer.from_descriptor_json(descriptor)
    points = np.asarray(scene["position"])
    print(f"{len(points)} points from {points.min(axis=0)} to {points.max(axis=0)}")
    scene.unlink()


if __name__ == "__main__":
    if sys.argv[1:] == ["consume"]:
        consume(sys.stdin.read())
    else:
        subprocess.run([sys.executable, __file__, "consume"], input=produce(), text=True, check=True)
