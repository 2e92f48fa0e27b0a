"""The peer iceoryx2: its services, and a second process that sends samples of a pool.

python iceoryx.py send NAME SIZE   sends a sample for each line on stdin, and answers with a line
"""

import ctypes
import mmap
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import iceoryx2 as iox2
from peers import PREFIX_VARIABLE, segment_name
from rounds import Method, payload

# A sample holds the whole of the data if it ends in this many bytes of it.
TAIL = 8


def node() -> Any:  # noqa: ANN401 (the peer has no types here)
    """A node whose files are removed with the rest of this run."""
    iox2.set_log_level(iox2.LogLevel.Fatal)
    config = iox2.config.default()
    config.global_cfg.prefix = iox2.FileName.new(f"{os.environ[PREFIX_VARIABLE]}-")
    return iox2.NodeBuilder.new().config(config).create(iox2.ServiceType.Ipc)


def data_service(node: Any, name: str) -> Any:  # noqa: ANN401
    """A publish-subscribe service for bytes: a pool of no more samples than one sender and one receiver need."""
    builder = node.service_builder(iox2.ServiceName.new(name)).publish_subscribe(iox2.Slice[ctypes.c_uint8])
    # As everything else here; copies of 1 GiB to where it puts samples by itself take three times as long.
    aligned = builder.payload_alignment(iox2.Alignment.new(mmap.PAGESIZE))
    limited = aligned.max_publishers(1).max_subscribers(1).subscriber_max_buffer_size(1)
    return limited.subscriber_max_borrowed_samples(1).open_or_create()


def publisher(service: Any, size: int) -> Any:  # noqa: ANN401
    """A publisher of samples of one size."""
    return service.publisher_builder().initial_max_slice_len(size).max_loaned_samples(1).create()


def view_of(sample: Any, size: int) -> memoryview:  # noqa: ANN401
    """The memory of a sample."""
    return memoryview((ctypes.c_uint8 * size).from_address(sample.payload_ptr)).cast("B")


def send(name: str, size: int) -> None:
    """Send samples on demand; one that has the data from an earlier round is not copied into again."""
    data = payload(size)
    loan = publisher(data_service(node(), name), size).loan_slice_uninit
    print(flush=True)
    while sys.stdin.readline():
        sample = loan(size)
        if ctypes.string_at(sample.payload_ptr + size - TAIL, TAIL) != data[-TAIL:]:
            ctypes.memmove(sample.payload_ptr, data, size)
        sample.assume_init().send()
        print(flush=True)


@contextmanager
def samples(size: int) -> Iterator[Method]:
    """Receive what another process sent, up to its first byte.

    Raises:
        RuntimeError: it is not the data.
    """
    name, expected = segment_name(), zlib.crc32(payload(size))
    subscriber = data_service(node(), name).subscriber_builder().create()
    command = [sys.executable, str(Path(__file__)), "send", name, str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()

        def sent() -> None:
            """Have a sample sent."""
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"\n")
            assert process.stdout.readline() == b"\n"

        def method() -> float:
            """Receive once."""
            sent()
            start = time.perf_counter()
            sample = subscriber.receive()
            first = view_of(sample, size)[0]
            seconds = time.perf_counter() - start
            assert first == 0
            sample.delete()
            return seconds

        yield method
        sent()
        sample = subscriber.receive()
        if zlib.crc32(view_of(sample, size)) != expected:
            raise RuntimeError("iceoryx2: what arrived is not what was sent")
        sample.delete()
        process.stdin.close()


if __name__ == "__main__":
    send(sys.argv[2], int(sys.argv[3]))
