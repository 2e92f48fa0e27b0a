"""The demo's agent: a real MCP client that starts the server as a host would, and counts what passes."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, ImageContent, TextContent

WIRETAP = Path(__file__).with_name("wiretap.py")


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, as they were on the wire."""

    what: str
    tool: str | None
    sent: int
    received: int

    @property
    def total(self) -> int:
        """Bytes in both directions."""
        return self.sent + self.received


def exchanges(log: Path) -> list[Exchange]:
    """All that passed so far, by request."""
    lines = log.read_bytes().splitlines(keepends=True)
    messages = [(line[:1], len(line) - 1, json.loads(line[1:])) for line in lines]
    answers = {message.get("id"): size for direction, size, message in messages if direction == b"<"}
    return [
        Exchange(*_label(message), size, answers[message["id"]] if "id" in message else 0)
        for direction, size, message in messages
        if direction == b">"
    ]


def _label(message: dict[str, Any]) -> tuple[str, str | None]:
    if message["method"] != "tools/call":
        return message["method"], None
    call = message["params"]
    return f"{call['name']}({', '.join(call['arguments'].values())})", call["name"]


class Agent:
    """The tools of the server, as a model would call them."""

    def __init__(self, client: Client) -> None:
        """Wrap a connected client."""
        self._client = client

    async def call(self, tool: str, **arguments: str) -> CallToolResult:
        """Call a tool.

        Raises:
            RuntimeError: the server reports an error, with its text.
        """
        result = await self._client.call_tool(tool, arguments)
        if result.is_error:
            raise RuntimeError(f"{tool}: {result.content}")
        return result

    async def find(self, **filters: str) -> list[dict[str, Any]]:
        """The buffers that have all of these: `group`, `kind`, a part of the `name`."""
        page = await self.call("list_buffers", **filters)
        return list((page.structured_content or {})["buffers"])

    async def descriptor(self, buffer: str) -> dict[str, Any]:
        """Descriptor of a buffer."""
        described = await self.call("read_descriptor", buffer=buffer)
        return dict((described.structured_content or {})["descriptor"])

    async def view(self, buffer: str, file: Path) -> str:
        """Save the picture that a model would see; what the server says of it."""
        viewed = await self.call("view_image", buffer=buffer)
        text = ""
        for content in viewed.content:
            match content:
                case ImageContent(data=data):
                    await asyncio.to_thread(file.write_bytes, base64.b64decode(data))
                case TextContent(text=text):
                    pass
        return text

    async def delete(self, buffer: str) -> None:
        """Delete a buffer."""
        await self.call("delete_buffer", buffer=buffer)


@asynccontextmanager
async def connect(server: Path, store: str, log: Path) -> AsyncIterator[Agent]:
    """Start the server on a store, with a relay between that logs each message to `log`."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=[str(WIRETAP), str(log), str(server), "serve"],
        env={"DCC_MCP_SHM_DIR": store},
    )
    # "legacy" is `initialize`, which is what hosts speak today.
    async with Client(parameters, mode="legacy") as client:
        yield Agent(client)
