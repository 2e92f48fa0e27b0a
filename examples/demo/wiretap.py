"""Run an MCP stdio server and log every byte that passes, for exact counts with any client.

    python wiretap.py LOG COMMAND [ARG ...]

LOG gets one line a message: `>` (to the server) or `<` (from it), then the message as it was on the wire.
A message is in the log before it is passed on, so a client that has an answer can already count it.
"""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO


def relay(direction: bytes, source: IO[bytes], target: IO[bytes], log: IO[bytes]) -> None:
    """Copy newline-delimited messages until the end of `source`, then close `target`."""
    # A broken pipe: the other side has gone, and its exit is what gets reported.
    with contextlib.suppress(BrokenPipeError):
        for line in source:
            log.write(direction + line)
            target.write(line)
            target.flush()
    with contextlib.suppress(BrokenPipeError):
        target.close()


def main() -> int:
    """Relay until the server ends; its exit status is ours."""
    # Unbuffered append: each message is one write(2), so the two threads cannot mix lines.
    with Path(sys.argv[1]).open("ab", buffering=0) as log:
        server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if server.stdin is None or server.stdout is None:
            raise AssertionError
        # A daemon: when the server ends first, this thread still waits for the client.
        up = threading.Thread(target=relay, args=(b">", sys.stdin.buffer, server.stdin, log), daemon=True)
        up.start()
        relay(b"<", server.stdout, sys.stdout.buffer, log)
        return server.wait()


if __name__ == "__main__":
    # Not sys.exit: the interpreter's shutdown would abort on stdin's lock, which the waiting thread holds.
    os._exit(main())
