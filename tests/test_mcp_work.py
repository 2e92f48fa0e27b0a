"""Calls that take their time, results that are no text, and servers beside each other, with the Python SDK."""

import asyncio
import base64
import struct
from typing import Any

import numpy as np
import pytest
from conftest import RunPython
from dcc_mcp_shm import SharedSceneBuffer, Store
from support import Mode, connect, session, text_of

both_modes = pytest.mark.parametrize("mode", ["auto", "legacy"])

# A DCC: another process, that shares something.
PUBLISH = """
import sys
from dcc_mcp_shm import SharedSceneBuffer
print(SharedSceneBuffer.write(b"from a DCC", name=sys.argv[1], source_dcc="Maya").id)
"""
FILL = """
import sys
from dcc_mcp_shm import SharedSceneBuffer
with SharedSceneBuffer.fill(sys.argv[1]) as writer:
    memoryview(writer["position"]).cast("B")[:] = bytes(96)
"""


async def list_buffers(client: Any) -> Any:
    return (await client.call_tool("list_buffers", {})).structured_content


@pytest.fixture
def long_to_look_at() -> SharedSceneBuffer:
    """1 GiB of zeros that take no memory: they are compressed."""
    return SharedSceneBuffer.write_arrays({"zeros": np.zeros(1 << 30, "u1")}, use_compression=True, name="long")


@both_modes
def test_a_long_call_tells_how_far_it_is(mode: Mode, store: Store, long_to_look_at: SharedSceneBuffer) -> None:
    told: list[tuple[float, float | None]] = []

    async def calls(client: Any) -> Any:
        async def on_progress(progress: float, total: float | None, _message: str | None) -> None:
            told.append((progress, total))

        return await client.call_tool("describe_buffer", {"buffer": "long"}, progress_callback=on_progress)

    described = session(store, mode, calls)
    (array,) = described.structured_content["arrays"]
    assert (array["min"], array["max"], array["shape"]) == (0, 0, [1 << 30])
    assert told == sorted(told)
    assert {total for _, total in told} == {float(long_to_look_at.size_bytes)}


@both_modes
def test_a_cancelled_call_leaves_a_server_that_works(
    mode: Mode, store: Store, long_to_look_at: SharedSceneBuffer
) -> None:
    async def calls(client: Any) -> None:
        for tool, arguments in (
            ("describe_buffer", {"buffer": long_to_look_at.id}),
            ("wait_for_buffer", {"name": "never", "timeout_seconds": 50}),
        ):
            under_way = asyncio.Event()

            async def on_progress(*_: Any, under_way: asyncio.Event = under_way) -> None:
                under_way.set()

            call = asyncio.create_task(client.call_tool(tool, arguments, progress_callback=on_progress))
            await under_way.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await list_buffers(client))["total_count"] == 1

    session(store, mode, calls)


@both_modes
def test_waiting_ends_when_another_process_shares(mode: Mode, store: Store, run_python: RunPython) -> None:
    async def calls(client: Any) -> None:
        cursor = (await list_buffers(client))["wait_cursor"]
        call = client.call_tool("wait_for_buffer", {"source_dcc": "maya", "timeout_seconds": 50, "cursor": cursor})
        waiting = asyncio.create_task(call)
        identity = await asyncio.to_thread(run_python, PUBLISH, "shared")
        arrived = await waiting
        assert [buffer["id"] for buffer in arrived.structured_content["buffers"]] == [identity]
        assert "shared" in text_of(arrived)

        # What came is in the cursor: the same is not told twice.
        again = {"cursor": arrived.structured_content["wait_cursor"], "timeout_seconds": 0}
        nothing = (await client.call_tool("wait_for_buffer", again)).structured_content
        assert (nothing["buffers"], nothing["timed_out"]) == ([], True)

    session(store, mode, calls)


@both_modes
def test_an_empty_scene_is_waited_for_until_a_dcc_has_filled_it(
    mode: Mode, store: Store, run_python: RunPython
) -> None:
    async def calls(client: Any) -> None:
        layout = {"position": {"dtype": "<f4", "shape": [8, 3], "domain": "point"}}
        made = (await client.call_tool("create_buffer", {"arrays": layout, "kind": "Geometry"})).structured_content
        identity = made["descriptor"]["id"]
        early = await client.call_tool("wait_for_buffer", {"buffer": identity, "timeout_seconds": 0})
        assert early.structured_content["timed_out"]
        waiting = asyncio.create_task(client.call_tool("wait_for_buffer", {"buffer": identity, "timeout_seconds": 50}))
        await asyncio.to_thread(run_python, FILL, identity)
        (filled,) = (await waiting).structured_content["buffers"]
        assert (filled["id"], filled["state"]) == (identity, "sealed")

    session(store, mode, calls)


@both_modes
def test_a_picture_is_an_image_and_nothing_a_host_would_show_instead(mode: Mode, store: Store) -> None:
    pixels = np.zeros((90, 160, 3), "u1")
    pixels[:, 80:] = 255
    SharedSceneBuffer.write_arrays({"pixels": pixels}, kind="Screenshot", name="frame")

    async def calls(client: Any) -> None:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "view_image"]
        assert tool.output_schema is None
        viewed = await client.call_tool("view_image", {"buffer": "frame", "max_edge": 64})
        assert viewed.structured_content is None
        (picture,) = [content for content in viewed.content if content.type == "image"]
        png = base64.b64decode(picture.data, validate=True)
        assert (picture.mime_type, png[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
        assert struct.unpack(">2I", png[16:24]) == (64, 36)
        assert "64 \u00d7 36" in text_of(viewed)

    session(store, mode, calls)


def test_two_servers_on_one_store_see_the_same(store: Store) -> None:
    async def run() -> None:
        async with asyncio.timeout(120), connect(store, "auto") as one, connect(store, "legacy") as other:
            now = (await list_buffers(other))["wait_cursor"]
            waiting = asyncio.create_task(other.call_tool("wait_for_buffer", {"timeout_seconds": 50, "cursor": now}))
            made: Any = await one.call_tool("create_buffer", {"text": "hello", "name": "note"})
            identity = made.structured_content["descriptor"]["id"]
            arrived: Any = await waiting
            assert [buffer["id"] for buffer in arrived.structured_content["buffers"]] == [identity]

            for client in (one, other):
                (buffer,) = (await list_buffers(client))["buffers"]
                assert (buffer["id"], buffer["name"]) == (identity, "note")

            await other.call_tool("delete_buffer", {"buffer": "note"})
            gone = await one.call_tool("read_descriptor", {"buffer": identity})
            assert gone.is_error
            assert (await list_buffers(one))["total_count"] == 0

    asyncio.run(run())
