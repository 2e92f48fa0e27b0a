"""The least that an MCP client does: a server process, one line out, one line back."""

import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

PIPES, SOCKETS = "pipes", "sockets"
TRANSPORTS = (PIPES, SOCKETS)

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Client:
    """A server that was started and has answered `initialize`. Its stderr is that of this process."""

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        transport: str = PIPES,
        fields: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Start a server; `start_seconds` is how long it took until `initialize` was answered.

        `fields` are added to each message.
        """
        # What the caller's shell says about stores is not meant for servers that are measured.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DCC_MCP_SHM")}
        start = time.perf_counter()
        self._out, self._in, its_in, its_out = _connections(transport)
        self._process = subprocess.Popen(command, stdin=its_in, stdout=its_out, env=inherited | environment)
        os.close(its_in)
        os.close(its_out)
        self._id = 0
        self._fields = fields
        # What came behind the last message.
        self._read = b""
        self.request("initialize", HELLO)
        self.start_seconds = time.perf_counter() - start
        os.write(self._out, b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server's input, so that it ends."""
        os.close(self._out)
        status = self._process.wait()
        os.close(self._in)
        assert status == 0, f"{self._process.args!r} ended with {status}"

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask for something; its result."""
        return self.timed(method, params)[1]

    def timed(self, method: str, params: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Seconds from a request's line to that of its answer, and the result; making and parsing JSON do not count."""
        self._id += 1
        line = self._line_of({"id": self._id, "method": method, "params": params})
        start = time.perf_counter()
        os.write(self._out, line)
        answer = self._line()
        seconds = time.perf_counter() - start
        response = json.loads(answer)
        assert response["id"] == self._id, response
        result: dict[str, Any] = response["result"]
        return seconds, result

    def begin(self, method: str, params: dict[str, Any]) -> int:
        """Ask for something and do not wait for it; the id that its answer will have."""
        self._id += 1
        os.write(self._out, self._line_of({"id": self._id, "method": method, "params": params}))
        return self._id

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Say something that has no answer."""
        os.write(self._out, self._line_of({"method": method, "params": params}))

    def is_answered(self, seconds: float) -> bool:
        """Whether a message comes within so many seconds."""
        return b"\n" in self._read or bool(select.select([self._in], [], [], seconds)[0])

    def message(self) -> dict[str, Any]:
        """The next message of the server, whatever it is."""
        message: dict[str, Any] = json.loads(self._line())
        return message

    def call(self, tool: str, arguments: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Call a tool that succeeds: seconds, and its result."""
        seconds, result = self.timed("tools/call", {"name": tool, "arguments": arguments})
        assert not result.get("isError"), result
        return seconds, result

    def memory(self, field: str = "VmRSS") -> int:
        """Resident memory of the server now, or with `VmHWM` at most so far, in bytes."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:"))

    def worked(self) -> int:
        """Nanoseconds that all threads of the server have run so far."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        return sum(int(task.read_text().split()[0]) for task in tasks.glob("*/schedstat"))

    def _line_of(self, message: dict[str, Any]) -> bytes:
        return json.dumps({"jsonrpc": "2.0", **message, **self._fields}).encode() + b"\n"

    def _line(self) -> bytes:
        while b"\n" not in self._read:
            part = os.read(self._in, 1 << 16)
            if not part:
                raise EOFError(f"the server ended: {self._process.args!r}")
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line


def _connections(transport: str) -> tuple[int, int, int, int]:
    """What this process writes to and reads from, and stdin and stdout of the server; Node gives one pair to each."""
    if transport == PIPES:
        (its_in, out), (our_in, its_out) = os.pipe(), os.pipe()
        return out, our_in, its_in, its_out
    (out_end, its_in_end), (in_end, its_out_end) = socket.socketpair(), socket.socketpair()
    return out_end.detach(), in_end.detach(), its_in_end.detach(), its_out_end.detach()
