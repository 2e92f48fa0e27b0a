"""The whole path with a real MCP client: a scene is shared, found, described, mapped by the code it gives, deleted."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from dcc_mcp_shm import BufferPool, SharedSceneBuffer, Store
from mcp import MCPError
from support import SERVER, Mode, session, text_of

TOOLS_THAT_READ = {
    "list_buffers",
    "read_descriptor",
    "describe_buffer",
    "read_buffer",
    "view_image",
    "wait_for_buffer",
    "pool_status",
    "store_status",
}
TOOLS_THAT_WRITE = {"create_buffer", "create_pool", "delete_buffer", "keep_buffer"}


async def tools_of(client: Any) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_finds_describes_maps_and_deletes(mode: Mode, store: Store) -> None:
    positions = np.arange(24, dtype="f4").reshape(8, 3)
    scene = SharedSceneBuffer.write_arrays(
        {"position": positions},
        domains={"position": "point"},
        kind="Geometry",
        source_dcc="Blender 5.0.1",
        name="hero",
        group="set",
        attrs={"upAxis": "Z"},
    )

    async def calls(client: Any) -> None:
        assert await tools_of(client) == TOOLS_THAT_READ | TOOLS_THAT_WRITE

        listed = await client.call_tool("list_buffers", {"kind": "Geometry", "source_dcc": "Blender"})
        (found,) = listed.structured_content["buffers"]
        assert (found["name"], found["size_bytes"]) == ("hero", positions.nbytes)
        assert "hero" in text_of(listed)

        described = await client.call_tool("read_descriptor", {"buffer": "hero"})
        for code in (described.structured_content["code"], described.structured_content["numpy_code"]):
            assert code in text_of(described)
            names_of_code: dict[str, Any] = {}
            exec(code, names_of_code)  # noqa: S102 - that it runs is the test
            array = names_of_code["array"] if "array" in names_of_code else names_of_code["arrays"]["position"]
            np.testing.assert_array_equal(array, positions)
        descriptor = described.structured_content["descriptor"]
        assert SharedSceneBuffer.open(descriptor).id == scene.id

        gone = await client.call_tool("delete_buffer", {"buffer": descriptor})
        assert not gone.is_error
        missing = await client.call_tool("read_descriptor", {"buffer": "hero"})
        assert missing.is_error
        assert "list_buffers" in text_of(missing)

    session(store, mode, calls)
    assert store.list() == []
    assert scene.read() == positions.tobytes(), "who has it open keeps it"


def test_what_every_kind_of_number_is_like_fits_the_schema_that_clients_check(store: Store) -> None:
    large = np.array([0, 1 << 63], "u8")
    floats = np.array([np.nan, np.inf], "f4")
    arrays = {"mask": np.ones(5, "?"), "large": large, "floats": floats, "points": np.ones((3, 3), "f4")}
    scene = SharedSceneBuffer.write_arrays(arrays)

    async def calls(client: Any) -> Any:
        # The client knows the schema from here on, and refuses what does not fit.
        await client.list_tools()
        return (await client.call_tool("describe_buffer", {"buffer": scene.id})).structured_content

    described = {array["name"]: array for array in session(store, "auto", calls)["arrays"]}
    assert described["mask"]["min"] is True
    assert described["large"]["max"] == str(1 << 63)
    assert described["points"]["max"] == [1, 1, 1]


def test_an_agent_creates_what_a_dcc_reads(store: Store) -> None:
    async def calls(client: Any) -> str:
        made = await client.call_tool("create_buffer", {"text": "hello", "name": "note", "ttl_seconds": 60})
        assert not made.is_error, text_of(made)
        return str(made.structured_content["descriptor"]["id"])

    identity = session(store, "auto", calls)
    note = SharedSceneBuffer.open("note")
    assert (note.id, note.read()) == (identity, b"hello")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_server_that_only_reads_offers_no_more(mode: Mode, store: Store) -> None:
    SharedSceneBuffer.write(b"x", name="note")

    async def calls(client: Any) -> None:
        assert await tools_of(client) == TOOLS_THAT_READ
        assert not (await client.call_tool("read_descriptor", {"buffer": "note"})).is_error
        with pytest.raises(MCPError):
            await client.call_tool("delete_buffer", {"buffer": "note"})

    session(store, mode, calls, "--read-only")
    assert [buffer["name"] for buffer in store.list()] == ["note"]


def test_an_agent_sees_pools(store: Store) -> None:
    pool = BufferPool(2, 1024, name="viewport")
    slot = pool.acquire()

    async def calls(client: Any) -> Any:
        return (await client.call_tool("pool_status", {"pool": "viewport"})).structured_content

    status = str(session(store, "auto", calls))
    assert pool.id in status
    assert slot.id in status


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("read_descriptor", {}, "buffer"),
        ("read_descriptor", {"buffer": 7}, "buffer"),
        ("list_buffers", {"limit": -1}, "limit"),
        ("create_buffer", {"base64": "no base64!"}, "base64"),
        ("create_buffer", {"capacity": 2**62}, ""),
        ("delete_buffer", {"buffer": "not there"}, "not there"),
        ("pool_status", {"pool": "not there"}, "not there"),
    ],
)
def test_bad_arguments_are_named_and_the_server_lives(
    tool: str, arguments: dict[str, Any], field: str, store: Store
) -> None:
    async def calls(client: Any) -> None:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert field in text_of(result)
        assert not (await client.call_tool("list_buffers", {})).is_error

    session(store, "auto", calls)


def test_the_server_ends_with_its_input() -> None:
    command = [str(SERVER), "serve"]
    done = subprocess.run(
        command, input=b"", capture_output=True, timeout=30, check=False, env=os.environ | {"RUST_LOG": "warn"}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_code_of_the_wheels_readme_runs() -> None:
    readme = (Path(__file__).parents[1] / "python" / "README.md").read_text()
    (code,) = [block.split("```")[0] for block in readme.split("```python\n")[1:]]
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
    with pytest.raises(shm.NotFound):
        SharedSceneBuffer.open("cube")
