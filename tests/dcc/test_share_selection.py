"""The prompt `share_selection`: its code runs in a real Blender, and the agent that waits gets what it shares."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from support import session, text_of

# A person's scene: two meshes are selected, another one and a lamp are not to be shared. argv[1] is the prompt's code.
BLENDER = """
import sys
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
add = bpy.ops.mesh
add.primitive_cube_add(location=(9, 9, 9))
bpy.context.object.name = "left alone"
add.primitive_cube_add(location=(1, 2, 3))
bpy.context.object.name = "Cube"
bpy.context.object.modifiers.new("Subdivision", "SUBSURF").levels = 1
add.primitive_monkey_add()
bpy.ops.object.light_add(type="SUN")
for obj in bpy.data.objects:
    obj.select_set(obj.name != "left alone")
exec(compile(sys.argv[1], "prompt", "exec"))
"""


def code_of(prompt: str) -> str:
    (block,) = [part.split("```")[0] for part in prompt.split("```python\n")[1:]]
    return block


@pytest.mark.parametrize("arguments", [None, {"dcc": "blender"}])
def test_what_is_selected_in_blender_reaches_the_agent(arguments: dict[str, str] | None, store: Store) -> None:
    async def calls(client: Any) -> None:
        (message,) = (await client.get_prompt("share_selection", arguments)).messages
        prompt = message.content.text
        # As the prompt says: a cursor, the code, and then wait.
        cursor = (await client.call_tool("list_buffers", {"limit": 1})).structured_content["wait_cursor"]
        command = [sys.executable, "-c", BLENDER, code_of(prompt)]
        blender = asyncio.to_thread(subprocess.run, command, check=True, timeout=120, stdout=subprocess.DEVNULL)

        async def wait(cursor: str, seconds: int) -> dict[str, Any]:
            arguments = {"source_dcc": "Blender", "cursor": cursor, "timeout_seconds": seconds}
            return dict((await client.call_tool("wait_for_buffer", arguments)).structured_content)

        arrived, _ = await asyncio.gather(wait(cursor, 50), blender)
        found: dict[str, Any] = {}
        while not arrived["timed_out"]:
            found |= {buffer["name"]: buffer for buffer in arrived["buffers"]}
            arrived = await wait(arrived["wait_cursor"], 2)
        assert set(found) == {"selection/Cube", "selection/Suzanne"}
        assert {buffer["group"] for buffer in found.values()} == {"selection"}

        described = await client.call_tool("describe_buffer", {"buffer": "selection/Cube"})
        assert "Mesh of 24 faces, 96 corners and 26 points" in text_of(described), "its modifier is applied"
        viewed = await client.call_tool("view_image", {"buffer": "selection/Suzanne"})
        assert "500 faces" in text_of(viewed)

    session(store, "auto", calls)
    cube = SharedSceneBuffer.open("selection/Cube")
    assert cube.attrs["transform"][12:15] == [1, 2, 3]
    assert json.loads(cube.descriptor_json())["arrays"]["face_start"]["domain"] == "face"


def test_nothing_selected_shares_nothing(store: Store) -> None:
    async def calls(client: Any) -> str:
        return str((await client.get_prompt("share_selection")).messages[0].content.text)

    code = code_of(session(store, "auto", calls))
    empty = "import sys, bpy; bpy.ops.wm.read_factory_settings(use_empty=True); exec(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", empty, code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr.splitlines()[-1] == "ValueError: no mesh is selected: select an object, or pass the objects"
    assert store.list() == []
