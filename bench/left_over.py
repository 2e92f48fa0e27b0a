"""What sections leave that failed or were interrupted: files in /dev/shm, and processes."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from peers import MEMORY, PREFIX_VARIABLE


def remove_files(prefix: str, notes: Path) -> None:
    """Remove files and directories that have the prefix of this run, and what is noted."""
    names = notes.read_text().split() if notes.exists() else []
    for path in [*MEMORY.glob(f"{prefix}*"), *(MEMORY / name for name in names)]:
        with suppress(FileNotFoundError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def processes(prefix: str) -> Iterator[int]:
    """Processes that were started with this run's prefix: all of its own, and theirs."""
    marker = f"{PREFIX_VARIABLE}={prefix}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if marker in environment.read_bytes().split(b"\0"):
                yield int(environment.parent.name)


def end_processes(prefix: str) -> None:
    """Kill them, until there are none: agents of ray's outlive a node that was killed."""
    while found := list(processes(prefix)):
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)  # 1 GiB takes its time to go
