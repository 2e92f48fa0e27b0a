"""The stream of docs/python.md, as it stands there, in processes that pause, end, are killed and are started again."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dcc_mcp_shm import BufferPool, Store
from support import until_asleep

PAGE = (Path(__file__).parents[1] / "docs/python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
IMPORTS = BLOCKS[0]
(LATEST,) = (block for block in BLOCKS if block.startswith("def latest_frame"))
(PRODUCER,) = (block for block in BLOCKS if "open_or_create(4," in block)
(CONSUMER,) = (block for block in BLOCKS if block.startswith("def frames"))
FRAMES = CONSUMER[: CONSUMER.index("\n\nfor ")]

# Each number on stdin is the value of a hundred frames.
PRODUCES = f"""
import sys
{IMPORTS}
{LATEST}
for line in sys.stdin:
    pixels = np.full((4, 6, 4), int(line), "u1")
{"".join("    " + line for line in PRODUCER.splitlines(keepends=True))}
    print("made", flush=True)
"""
CONSUMES = f"""
{IMPORTS}
{LATEST}
{FRAMES}
print("ready", flush=True)
for frame in frames():
    assert (frame == frame[0]).all()
    print(frame[0], flush=True)
"""


class Process:
    """One of the two programs, and what it says."""

    def __init__(self, code: str) -> None:
        """Starts it."""
        self.child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def says(self, wanted: str) -> None:
        """Reads up to a line."""
        assert self.child.stdout
        said = []
        for line in self.child.stdout:
            said.append(line.strip())
            if said[-1] == wanted:
                return
        raise AssertionError(f"it ended, and did not say {wanted}: {said[-5:]}")

    def make(self, value: int) -> None:
        """Asks a producer for a hundred frames."""
        assert self.child.stdin
        print(value, file=self.child.stdin)

    def kill(self) -> None:
        """Ends it as the system does where there is no memory."""
        self.child.kill()
        self.child.communicate()


@pytest.fixture
def start() -> Iterator[object]:
    with ExitStack() as ends:

        def started(code: str) -> Process:
            process = Process(code)
            ends.callback(process.kill)
            return process

        yield started


def test_a_consumer_sees_frames_through_pauses_and_restarts(start: type[Process]) -> None:
    consumer = start(CONSUMES)
    consumer.says("ready")  # before there is a producer
    first = start(PRODUCES)
    first.make(1)
    consumer.says("1")
    # A pause, longer than any time that somebody might think to be enough: it waits without looking.
    first.says("made")
    until_asleep(consumer.child.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        consumer.child.wait(timeout=2)
    first.make(2)
    consumer.says("2")
    # It is killed, wherever it is at that moment.
    first.make(3)
    first.kill()
    second = start(PRODUCES)
    second.make(4)
    consumer.says("4")
    second.says("made")
    # It ends by itself, and its pool with it; the next one makes another.
    second.child.communicate("")
    third = start(PRODUCES)
    third.make(5)
    consumer.says("5")


def test_what_somebody_deletes_is_made_again(start: type[Process]) -> None:
    consumer, producer = start(CONSUMES), start(PRODUCES)
    producer.make(1)
    consumer.says("1")
    producer.says("made")
    Store().delete("viewport/latest")
    producer.make(2)
    consumer.says("2")


def test_a_producer_that_dies_while_it_writes_ends_nothing(start: type[Process]) -> None:
    consumer = start(CONSUMES)
    consumer.says("ready")
    dying = f"""
import os, signal
{IMPORTS}
{LATEST}
with latest_frame().edit(10):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", dying], check=False).returncode < 0
    producer = start(PRODUCES)
    producer.make(7)
    consumer.says("7")


def test_producers_never_wait_for_each_other(start: type[Process]) -> None:
    producers = [start(PRODUCES) for _ in range(5)]  # more than there are slots
    for turn in range(1, 4):
        for producer in producers:
            producer.make(turn)
        for producer in producers:
            producer.says("made")
    consumer = start(CONSUMES)
    consumer.says("3")


def test_each_write_is_seen_once(start: type[Process]) -> None:
    """Of what is written one by one, with the consumer asleep between, each frame comes, and comes once."""
    consumer = start(CONSUMES)
    consumer.says("ready")
    pool = BufferPool(4, 8, "viewport")
    page: dict[str, Any] = {}
    exec(IMPORTS + LATEST, page)  # noqa: S102 - the page's code, as the consumer has it
    with page["latest_frame"]() as latest:
        for value in range(1, 30):
            until_asleep(consumer.child.pid)
            with pool.acquire() as slot:
                slot.write(bytes([value]) * 8)
                latest.write(slot.descriptor_json().encode())
                assert consumer.child.stdout
                assert consumer.child.stdout.readline().strip() == str(value)
