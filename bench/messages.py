"""One way from a process that has bytes to the first byte of them in another one that sleeps until then.

python messages.py                        measures, and starts the next as a second process
python messages.py consume WAY HANDLE N   waits for N messages and prints the seconds that each took
"""

import ctypes
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import iceoryx
import iceoryx2 as iox2
from dcc_mcp_shm import SharedBuffer
from peers import ICEORYX, OURS, segment_name
from rounds import KIB, MIB, payload, progress, quick, rows

SIZES = (4 * KIB, MIB)
MESSAGES = 500
# Of a block of messages; the ways take turns.
BLOCK = 100
# How long the producer is busy after the consumer said that it will wait, so that it sleeps by then.
HEAD_START = 300e-6
TIMEOUT = 10.0

Send = Callable[[bytearray], object]
# Waits for the next message and gives its first eight bytes.
Receive = Callable[[], bytes]


def iceoryx_services(name: str) -> tuple[Any, Any]:
    """A publish-subscribe service and an event service of iceoryx2, which has no blocking receive."""
    node = iceoryx.node()
    event = node.service_builder(iox2.ServiceName.new(f"{name}/event")).event()
    return iceoryx.data_service(node, name), event.open_or_create()


def ours_sender(size: int) -> tuple[str, Send]:
    """A buffer that is rewritten."""
    buffer = SharedBuffer.create(size, unlink_on_close=True)
    return buffer.descriptor_json(), buffer.write


def ours_receiver(handle: str) -> Receive:
    """Waits for the buffer's next write, and looks at it."""
    buffer = SharedBuffer.from_descriptor_json(handle)
    sequence = buffer.sequence

    def receive() -> bytes:
        """One message."""
        nonlocal sequence
        written = buffer.wait(sequence, TIMEOUT)
        assert written is not None
        sequence = written
        with buffer.view() as view:
            return bytes(view[:8])

    return receive


def iceoryx_sender(size: int) -> tuple[str, Send]:
    """A publisher with its pool of samples, and a notifier."""
    name = segment_name()
    data, event = iceoryx_services(name)
    publisher = iceoryx.publisher(data, size)
    notifier = event.notifier_builder().create()

    def send(message: bytearray) -> None:
        """One message."""
        sample = publisher.loan_slice_uninit(size)
        ctypes.memmove(sample.payload_ptr, (ctypes.c_uint8 * size).from_buffer(message), size)
        sample.assume_init().send()
        notifier.notify()

    return name, send


def iceoryx_receiver(handle: str) -> Receive:
    """A subscriber, and a listener to wait with."""
    data, event = iceoryx_services(handle)
    subscriber = data.subscriber_builder().create()
    listener = event.listener_builder().create()

    def receive() -> bytes:
        """One message."""
        while True:
            listener.blocking_wait()
            sample = subscriber.receive()
            if sample is not None:
                first = ctypes.string_at(sample.payload_ptr, 8)
                sample.delete()
                return first

    return receive


SENDERS = {OURS: ours_sender, ICEORYX: iceoryx_sender}
RECEIVERS = {OURS: ours_receiver, ICEORYX: iceoryx_receiver}


class Channel:
    """A sender of this process, and the process that receives."""

    def __init__(self, way: str, size: int, messages: int) -> None:
        """Start the other process."""
        handle, self.send = SENDERS[way](size)
        self.message = bytearray(payload(size))
        command = [sys.executable, str(Path(__file__)), "consume", way, handle, str(messages)]
        self.consumer = subprocess.Popen(command, stdout=subprocess.PIPE)

    def block(self, messages: int) -> None:
        """Send some, each when the other process waits for it."""
        assert self.consumer.stdout is not None
        for _ in range(messages):
            assert self.consumer.stdout.readline() == b"waiting\n"
            until = time.perf_counter() + HEAD_START
            while time.perf_counter() < until:
                pass
            struct.pack_into("<q", self.message, 0, time.perf_counter_ns())
            self.send(self.message)

    def finish(self) -> list[float]:
        """Seconds that each message took."""
        assert self.consumer.stdout is not None
        seconds: list[float] = json.loads(self.consumer.stdout.read())
        if self.consumer.wait(timeout=TIMEOUT) != 0:
            raise RuntimeError("the process that receives failed")
        return seconds


def consume(way: str, handle: str, messages: int) -> list[float]:
    """Receive; perf_counter has one clock for all processes of the machine."""
    receive, seconds = RECEIVERS[way](handle), []
    for _ in range(messages):
        print("waiting", flush=True)
        first = receive()
        now = time.perf_counter_ns()
        seconds.append((now - struct.unpack("<q", first)[0]) / 1e9)
    return seconds


def measure(size: int) -> list[dict[str, Any]]:
    """Both ways in turns."""
    progress(f"{size:,} bytes")
    messages = BLOCK if quick() else MESSAGES
    channels = {way: Channel(way, size, messages) for way in SENDERS}
    for _ in range(messages // BLOCK):
        for channel in channels.values():
            channel.block(BLOCK)
    return rows(size, "", {way: channel.finish() for way, channel in channels.items()})


def main() -> None:
    """Print the results as JSON."""
    if sys.argv[1:2] == ["consume"]:
        way, handle, messages = sys.argv[2:]
        print(json.dumps(consume(way, handle, int(messages))))
        return
    print(json.dumps([row for size in SIZES for row in measure(size)]))


if __name__ == "__main__":
    main()
