"""A stream: one process makes 60 frames a second in a pool, the other wakes for each and looks at it where it lies.

python examples/stream_frames.py
"""

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
from dcc_mcp_shm import BufferPool, SharedBuffer, Stale

FRAMES = 300
SHAPE = (512, 512, 4)
SIZE = 512 * 512 * 4


def produce(name: str) -> None:
    """Fill a slot for each frame and announce it. The slot of the last one is given back once the next is out."""
    pool = BufferPool.open(name)
    latest = SharedBuffer.open(f"{name}/latest")
    shown = None
    for number in range(FRAMES):
        slot = pool.acquire(timeout=1)
        with slot.edit(SIZE) as view:
            np.asarray(view)[:] = number % 256
        news = {"made": time.monotonic(), "color": number % 256, "frame": slot.descriptor_json()}
        latest.write(json.dumps(news).encode())
        if shown:
            shown.close()
        shown = slot
        time.sleep(1 / 60)


def consume() -> None:
    """Look at every frame that the next one has not overtaken."""
    size = {"width": SHAPE[1], "height": SHAPE[0]}  # for whoever is to see what a slot holds
    name = f"viewport of {os.getpid()}"  # for this run alone
    pool = BufferPool(4, SIZE, name, kind="Screenshot", attrs=size)
    latest = SharedBuffer.create(4096, name=f"{name}/latest", unlink_on_close=True)
    with pool, latest, subprocess.Popen([sys.executable, __file__, name]) as producer:
        delays = []
        seen = latest.sequence
        while producer.poll() is None:
            if latest.wait(seen, timeout=0.5) is None:
                continue
            with latest.view() as text:  # keeps the writer out, so that the sequence is that of this text
                news, seen = json.loads(bytes(text)), latest.sequence
            try:
                frame = SharedBuffer.from_descriptor_json(news["frame"])
            except Stale:
                continue
            pixels = np.frombuffer(frame.view(), "u1").reshape(SHAPE)
            delays.append(time.monotonic() - news["made"])
            assert (pixels == news["color"]).all()
        middle = statistics.median(delays) * 1000
        print(f"{len(delays)} of {FRAMES} frames seen, the middle one {middle:.2f} ms after it was made")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        produce(sys.argv[1])
    else:
        consume()
