"""Time and memory of `describe_buffer` beside a plain sum over the same data. Needs the server and an installed wheel.

make target/release/dcc-mcp-shm && .venv/bin/python bench/describe.py [MiB]
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, Store
from rounds import MIB, interleave

SERVER = Path(__file__).parent.parent / "target/release/dcc-mcp-shm"
ROUNDS = 7
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Server:
    """The built server, spoken to by one line a request."""

    def __init__(self, store: Path) -> None:
        """Start it on a store."""
        command = [str(SERVER), "serve", "--store", str(store)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool; its structured content."""
        params = {"name": tool, "arguments": arguments, "_meta": META}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        result: dict[str, Any] = json.loads(self.process.stdout.readline())["result"]
        assert not result["isError"], result
        content: dict[str, Any] = result["structuredContent"]
        return content

    def peak_memory(self) -> int:
        """Most memory that was resident so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))

    def end(self) -> None:
        """End its input, so that it ends."""
        self.process.communicate()


def measure(megabytes: int) -> dict[str, Any]:
    """Describe and sum an array of float32, taking turns; medians in seconds."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        store = Store(Path(directory) / "store")
        points = np.arange(megabytes * MIB // 4, dtype=np.float32)
        scene = SharedSceneBuffer.write_arrays({"values": points}, store=store)
        greatest = points[-1]
        del points
        described = json.loads(scene.descriptor_json())
        array = described["arrays"]["values"]
        server = Server(Path(directory) / "store")

        def describe() -> float:
            start = time.perf_counter()
            content = server.call("describe_buffer", {"buffer": described["id"]})
            seconds = time.perf_counter() - start
            assert np.float32(content["arrays"][0]["max"]) == greatest
            return seconds

        def plain_sum() -> float:
            start = time.perf_counter()
            values = np.memmap(described["path"], array["dtype"], "r", array["offset"], tuple(array["shape"]))
            values.sum()
            return time.perf_counter() - start

        describe()
        seconds = interleave({"describe_buffer": describe, "sum of a new map": plain_sum}, ROUNDS)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        peak = server.peak_memory()
        server.end()
        return {
            "MiB": megabytes,
            "seconds": seconds,
            "times the sum": round(medians["describe_buffer"] / medians["sum of a new map"], 2),
            "peak resident MiB": round(peak / MIB, 1),
        }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1024), indent=1))
