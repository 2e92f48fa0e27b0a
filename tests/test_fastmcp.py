"""A session with FastMCP's client, which starts servers from a configuration as desktop clients have it."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from fastmcp import Client
from fastmcp.exceptions import ToolError
from support import SERVER


def test_a_session_from_an_installed_configuration(store: Store, tmp_path: Path) -> None:
    command = [str(SERVER), "install", "cursor", "--yes"]
    subprocess.run(command, env=os.environ | {"HOME": str(tmp_path)}, check=True, capture_output=True)
    configuration = json.loads((tmp_path / ".cursor" / "mcp.json").read_text())

    async def session() -> None:
        async with Client(configuration, timeout=30) as client:
            made = await client.call_tool("create_buffer", {"text": "hello", "name": "note"})
            identity = made.structured_content["descriptor"]["id"]
            assert SharedSceneBuffer.open("note").read() == b"hello"

            listed = await client.call_tool("list_buffers", {})
            assert [buffer["id"] for buffer in listed.structured_content["buffers"]] == [identity]
            # FastMCP builds types from the output schema, and the results must fit them.
            assert listed.data.buffers[0].name == "note"

            described = await client.call_tool("read_descriptor", {"buffer": identity})
            assert described.structured_content["descriptor"]["name"] == "note"

            await client.call_tool("delete_buffer", {"buffer": "note"})
            with pytest.raises(ToolError, match="list_buffers"):
                await client.call_tool("read_descriptor", {"buffer": "note"})

    asyncio.run(session())
    assert store.list() == []
