"""What an MCP client lists, reads, completes and subscribes to, with the Python SDK in both protocol eras."""

import asyncio
import json
from typing import Any

import pytest
from conftest import RunPython
from dcc_mcp_shm import BufferPool, SharedSceneBuffer, Store
from mcp import MCPDeprecationWarning, MCPError
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp_types import (
    PromptReference,
    ResourceListChangedNotification,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
)
from support import Mode, session

BUFFERS = "shm://buffers/{id}"
POOLS = "shm://pools/{name}"
both_modes = pytest.mark.parametrize("mode", ["auto", "legacy"])

# A DCC: another process, that shares something under a name which may be taken.
PUBLISH = """
import sys
from dcc_mcp_shm import SharedSceneBuffer
print(SharedSceneBuffer.write(b"from a DCC", name=sys.argv[1], replace=True).id)
"""


async def read(client: Any, uri: str) -> Any:
    (contents,) = (await client.read_resource(uri)).contents
    assert (contents.uri, contents.mime_type) == (uri, "application/json")
    return json.loads(contents.text)


@both_modes
def test_resources_are_listed_and_read(mode: Mode, store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays({"position": bytes(96)}, kind="Geometry", source_dcc="Blender", name="hero")
    pool = BufferPool(2, 1024, name="viewport")

    async def calls(client: Any) -> None:
        listed = {resource.name: resource for resource in (await client.list_resources()).resources}
        assert list(listed) == ["store", "viewport", "hero"]
        assert listed["hero"].size is None, "of the resource, not of what it describes"
        templates = (await client.list_resource_templates()).resource_templates
        assert [template.uri_template for template in templates] == [BUFFERS, POOLS]

        by_id = await read(client, str(listed["hero"].uri))
        by_name = await read(client, "shm://buffers/hero")
        assert by_id["descriptor"]["id"] == by_name["descriptor"]["id"] == scene.id
        assert "SharedSceneBuffer.open" in by_id["code"]
        (status,) = (await read(client, "shm://pools/viewport"))["pools"]
        assert (status["id"], status["free"]) == (pool.id, 2)
        assert (await read(client, "shm://store"))["pools"] == 1

    session(store, mode, calls)


@both_modes
def test_a_listing_goes_on_after_its_page(mode: Mode, store: Store) -> None:
    ids = {SharedSceneBuffer.write(b"x").id for _ in range(130)}

    async def calls(client: Any) -> list[str]:
        found, cursor = [], None
        while True:
            page = await client.list_resources(cursor=cursor)
            found += [resource.uri for resource in page.resources]
            cursor = page.next_cursor
            if cursor is None:
                return found

    found = session(store, mode, calls)
    assert len(found) == len(set(found))
    assert set(found) == {"shm://store"} | {f"shm://buffers/{identity}" for identity in ids}


@both_modes
@pytest.mark.parametrize(
    "uri", ["shm://buffers/nobody", "shm://pools/nobody", "shm://other", "shm://buffers/../store", "file:///etc/passwd"]
)
def test_what_is_not_there_is_an_error(uri: str, mode: Mode, store: Store) -> None:
    async def calls(client: Any) -> None:
        with pytest.raises(MCPError):
            await client.read_resource(uri)
        assert (await read(client, "shm://store"))["used_bytes"] == 0

    session(store, mode, calls)


@both_modes
def test_names_and_ids_are_completed(mode: Mode, store: Store) -> None:
    old = SharedSceneBuffer.write(b"x", name="hero/body")
    new = SharedSceneBuffer.write(b"x", name="Hero/hair")
    pools_kept = [BufferPool(2, 1024, name=name) for name in ("viewport", "frames")]

    async def calls(client: Any) -> None:
        async def complete(reference: Any, argument: str, typed: str) -> list[str]:
            completed = await client.complete(reference, {"name": argument, "value": typed})
            return list(completed.completion.values)

        buffers, pools = (ResourceTemplateReference(type="ref/resource", uri=uri) for uri in (BUFFERS, POOLS))
        assert await complete(buffers, "id", "her") == [new.name, old.name]
        assert old.id in await complete(buffers, "id", old.id[:6])
        assert await complete(buffers, "id", "nobody") == []
        assert await complete(pools, "name", "v") == ["viewport"]
        assert pools_kept[0].id in await complete(pools, "name", pools_kept[0].id[:6])
        prompt = PromptReference(type="ref/prompt", name="share_selection")
        assert await complete(prompt, "dcc", "b") == ["Blender"]

    session(store, mode, calls)


@both_modes
def test_prompts_are_filled_in(mode: Mode, store: Store) -> None:
    async def calls(client: Any) -> None:
        async def text(name: str, arguments: dict[str, str] | None = None) -> str:
            (message,) = (await client.get_prompt(name, arguments)).messages
            assert message.role == "user"
            return str(message.content.text)

        prompts = (await client.list_prompts()).prompts
        assert {prompt.name for prompt in prompts} == {"explain_store", "share_selection"}
        assert "store_status" in await text("explain_store")
        assert "blender.share(" in await text("share_selection")
        houdini = await text("share_selection", {"dcc": "houdini"})
        assert 'source_dcc="Houdini"' in houdini
        assert "bpy" not in houdini
        assert "fills its arrays from the selection in Houdini" in houdini
        assert "import hou\n" in houdini
        assert "{" not in houdini.split("```")[0] + houdini.split("```")[2]
        with pytest.raises(MCPError, match="Blender, Maya"):
            await client.get_prompt("share_selection", {"dcc": "Paint"})
        with pytest.raises(MCPError, match="explain_store"):
            await client.get_prompt("share_everything")

    session(store, mode, calls)


def test_a_listening_client_is_told_what_another_process_shares(store: Store, run_python: RunPython) -> None:
    SharedSceneBuffer.write(b"before", name="hero")

    async def calls(client: Any) -> None:
        uri = "shm://buffers/hero"
        async with client.listen(resources_list_changed=True, resource_subscriptions=[uri]) as events:
            # It is acknowledged before the store is read, which this waits for.
            await client.call_tool("list_buffers", {})
            identity = await asyncio.to_thread(run_python, PUBLISH, "hero")
            expected = {ResourcesListChanged(), ResourceUpdated(uri=uri)}
            async for event in events:
                expected.discard(event)
                if not expected:
                    break
            assert (await read(client, uri))["descriptor"]["id"] == identity

    session(store, "auto", calls)


@pytest.mark.filterwarnings(f"ignore::{MCPDeprecationWarning.__module__}.{MCPDeprecationWarning.__name__}")
def test_a_subscribed_client_is_told_what_another_process_shares(store: Store, run_python: RunPython) -> None:
    SharedSceneBuffer.write(b"before", name="hero")
    told: asyncio.Queue[Any] = asyncio.Queue()

    async def told_of(*subjects: str) -> set[str]:
        """All that is told until each of these has been."""
        heard: set[str] = set()
        while not heard.issuperset(subjects):
            match await told.get():
                case ResourceUpdatedNotification(params=params):
                    heard.add(params.uri)
                case ResourceListChangedNotification():
                    heard.add("list")
        return heard

    async def calls(client: Any) -> None:
        uri = "shm://buffers/hero"
        await client.list_resources()
        await client.subscribe_resource(uri)
        identity = await asyncio.to_thread(run_python, PUBLISH, "hero")
        await told_of("list", uri)
        assert (await read(client, uri))["descriptor"]["id"] == identity

        await client.unsubscribe_resource(uri)
        for name in ("next", "last"):
            await client.subscribe_resource(f"shm://buffers/{name}")
        # Told in this order, so once the next is told of, all of the first have been.
        await asyncio.to_thread(run_python, PUBLISH, "next")
        await told_of("shm://buffers/next")
        for name in ("hero", "last"):
            await asyncio.to_thread(run_python, PUBLISH, name)
        assert uri not in await told_of("shm://buffers/last")

    session(store, "legacy", calls, on_message=told.put)
