"""The same array from one process to another by JSON, base64, a pipe and shared memory: bytes, time, memory."""

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transport import WAYS

TRANSPORT = Path(__file__).with_name("transport.py")
MIB = 1 << 20
PIPE_BYTES = MIB  # what any user may ask for; the default of 64 KiB is slower


@dataclass(frozen=True)
class Measured:
    """What one way cost. Sizes in bytes; private memory is what each side needed above its own arrays, at worst."""

    way: str
    travelled: int
    seconds: float
    sender_private: int
    receiver_private: int

    def row(self) -> str:
        """A line of the table."""
        sent = f"{self.travelled / MIB:.1f} MiB" if self.travelled >= MIB else f"{self.travelled:,} B"
        memory = f"{self.sender_private / MIB:7.1f} {self.receiver_private / MIB:7.1f}"
        return f"    {self.way:29} {sent:>11} {self.seconds * 1000:10.1f} ms {memory}"


HEADER = (
    f"    {'':29} {'travels':>11} {'usable in':>13} {'private memory, MiB':>19}\n{'':60}{'sender':>7} {'receiver':>8}"
)


def _start(way: str, side: str, data: int, ready: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(TRANSPORT), way, side, str(data), str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=(data, ready))
    # Only the child's copies stay open, so that each side sees the other's end.
    os.close(data)
    os.close(ready)
    return process


def _result(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return dict(json.loads(output))


def measure(way: str) -> Measured:
    """Send the positions of the scene `demo/mesh` once.

    Raises:
        RuntimeError: what arrived is not what was sent.
    """
    data_out, data_in = os.pipe()
    fcntl.fcntl(data_in, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    ready_out, ready_in = os.pipe()
    receiver = _start(way, "receive", data_out, ready_in)
    sender = _start(way, "send", data_in, ready_out)
    sent, received = _result(sender), _result(receiver)
    if sent["checksum"] != received["checksum"]:
        raise RuntimeError(f"{way}: checksums differ")
    return Measured(way, sent["bytes"], received["at"] - sent["at"], sent["private"], received["private"])


def table() -> None:
    """Measure all ways and print each as soon as it is known."""
    print(HEADER)
    for way in WAYS:
        print(measure(way).row(), flush=True)
